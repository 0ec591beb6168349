/* In the locale of the environment, whose decimal mark must not be a point (else the status is
   77): CSV is read and the history is written with points all the same.

     locale FILE      FILE is where the history goes */
#include "nn.h"
#include <locale.h>
#include <stdio.h>
#include <string.h>

static int failures;

static void check(bool ok, const char *what)
{
    if (!ok) printf("locale: %s (%s)\n", what, nn_last_error()), failures++;
}

int main(int argc, char **argv)
{
    static const char text[] = "a,b,y\n1.5,-2.25e-1,0.5\n.125,3.,1\n\"7.75\",1e2,-0.75\n";
    static char written[4096];
    if (argc < 2 || !setlocale(LC_ALL, "") || strcmp(localeconv()->decimal_point, ".") == 0)
        return 77;
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
    check(!nn_write_history(m, argv[1]), "nn_write_history");
    FILE *f = fopen(argv[1], "r");
    size_t size = f ? fread(written, 1, sizeof written - 1, f) : 0;
    if (f) fclose(f);
    check(size > 0 && strchr(written, '.') != NULL, "the history has no decimal point");
    for (size_t i = 0; i < size; i++)
        check(written[i] != ',' && (written[i] & 0x80) == 0, "the history has the locale's mark");

    nn_data_free(&data);
    check(!nn_load_csv(&data, argv[1], .separator = '\t', .no_header = true, .skip = "3,5,6,7"),
          "the history cannot be read again");
    nn_data_free(&data), nn_model_free(m);
    return failures > 0;
}
