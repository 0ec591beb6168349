/* Three numbers that make a neuron compute AND: it puts out 1 where
   z = w[0] x[0] + w[1] x[1] + b  [F1.1] is above 0, and 0 elsewhere. Writes w[0], w[1] and *b. */
void and_neuron(double w[2], double *b);
