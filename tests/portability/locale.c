/* In the locale of the environment, whose decimal mark must not be a point (else the status is
   77): CSV is read with points all the same, and a model is saved, loaded and written as C. */
#include "nn.h"
#include <locale.h>
#include <stdio.h>
#include <string.h>

static int failures;

static void check(bool ok, const char *what)
{
    if (!ok) printf("locale: %s (%s)\n", what, nn_last_error()), failures++;
}

int main(void)
{
    static const char text[] = "a,b,y\n1.5,-2.25e-1,0.5\n.125,3.,1\n\"7.75\",1e2,-0.75\n";
    if (!setlocale(LC_ALL, "") || strcmp(localeconv()->decimal_point, ".") == 0) return 77;
    nn_data data;
    check(!nn_load_csv(&data, "text", .target = "y", .text = text, .text_size = sizeof text - 1),
          "nn_load_csv");
    const double expected[] = { 1.5, -0.225, 0.125, 3, 7.75, 100 };
    for (int i = 0; data.n == 3 && i < 6; i++) {
        double difference = nn_data_value(&data, 0, i / 2, (size_t)i % 2) - expected[i];
        check(difference > -1e-6 && difference < 1e-6, "a number of the CSV was misread");
    }
    check(data.n == 3, "the CSV has 3 rows");

    nn_model *m = nn_model_new(.seed = 1);
    nn_compile(m, nn_dense(nn_input(m, 2), 1), .loss = NN_MSE);
    check(!nn_fit(m, &data, .epochs = 3, .quiet = true), "nn_fit");
    static unsigned char here[16384], plain[16384];
    size_t bytes = 0, again = 0;
    check(!nn_save(m, .bytes = here, .room = sizeof here, .size = &bytes), "nn_save");
    nn_model *loaded = nn_load(.bytes = here, .size = bytes);
    check(loaded && loaded->values[0] == m->values[0], "nn_load");
    check(!nn_export_c(m, .bytes = here, .room = sizeof here, .size = &bytes), "nn_export_c");
    setlocale(LC_ALL, "C");
    check(!nn_export_c(loaded, .bytes = plain, .room = sizeof plain, .size = &again),
          "nn_export_c");
    setlocale(LC_ALL, "");
    check(bytes == again && bytes > 500, "the C source has another size");
    check(strstr((char *)here, "predict") != NULL && strchr((char *)here, ';') != NULL,
          "no source");
    for (size_t i = strcspn((char *)here, "{"); i < bytes; i++)
        if (here[i] >= 0x80 || (here[i] == ',' && here[i + 1] != '\n' && here[i + 1] != ' '))
            check(false, "the C source has the locale's mark"), i = bytes;
    nn_model_free(loaded);

    nn_data_free(&data);
    nn_model_free(m);
    return failures > 0;
}
