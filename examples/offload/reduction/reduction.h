#ifndef REDUCTION_H
#define REDUCTION_H

struct fit {
    double centre, width;
    double farthest; /* largest distance of a sample from the last centre but one, in widths */
};

/* Centre and width of `n` samples that hold outliers: `rounds` times, each sample is weighed by 1 / (1 + d^2), with
 * its distance d from the centre in widths; `weight` gets the last weights. What it held does not matter. */
struct fit robust_fit(int n, int rounds, const double *sample, double *weight);

#endif
