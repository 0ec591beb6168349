/* Activations of one number, right and finite for all finite z. */
double act_sigmoid(double z); /* 1 / (1 + e^-z)  [F2.1] */
double act_tanh(double z); /* (e^z - e^-z) / (e^z + e^-z)  [F2.3] */
double act_relu(double z); /* max(0, z)  [F2.2] */
double act_leaky_relu(double z, double slope); /* z above 0, slope z below; 0 < slope < 1 */
