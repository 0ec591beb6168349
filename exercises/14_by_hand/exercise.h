/* Nine numbers of a network with two inputs, two hidden units and one output, found on paper. The
   page has the network; by_hand writes each answer into its place. */
enum { A0, A1, Z, P, LOSS, DZ, DV0, DZ0, DW01, ANSWERS };
void by_hand(double *answer);
