'use strict';
/* random.js - numbers that a seed repeats (mulberry32). */

class Random {
    constructor(seed) {
        this.state = seed >>> 0;
    }

    /** 0 to 1, without 1. */
    next() {
        this.state = (this.state + 0x6d2b79f5) >>> 0;
        let t = this.state;
        t = Math.imul(t ^ (t >>> 15), t | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    }

    between(low, high) {
        return low + this.next() * (high - low);
    }

    /** One of [[value, weight]...]. */
    pick(choices) {
        let at = this.next() * choices.reduce((sum, [, weight]) => sum + weight, 0);
        for (const [value, weight] of choices) {
            at -= weight;
            if (at < 0) {
                return value;
            }
        }
        return choices[0][0];
    }
}

module.exports = { Random };
