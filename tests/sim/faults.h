/*
 * faults.h - what goes wrong, and when. Every fault is drawn from the plan's.
 *
 * Thread: the simulator's only one.
 */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "world.h"

/* For the life that begins. */
void faults_arm(struct world *w);
/* For a recovery: it ends early, when the plan says so and not too often. */
void faults_arm_recovery(struct world *w, unsigned tries);
/* Now and then, between two steps. */
void faults_step(struct world *w);
/* Right before the end: mostly that comes in the middle of what the disk is doing. */
void faults_strike(struct world *w);
/* The machine dies with the process, not only the process. */
bool faults_is_power(struct world *w);
/* After an orderly end, when the plan says so: a bit of a copy of the disk changes. The copy must be
 * refused, or say what it cannot read, or be as good as the original; which is the world's again
 * afterwards. */
void faults_rot(struct world *w, struct client *auditor);
/* After a life in which a write went astray and the power failed: the same. False: the world ends
 * here. */
bool faults_survive_lie(struct world *w, struct client *auditor);
/* No more of them. */
void faults_end(struct world *w);

#endif
