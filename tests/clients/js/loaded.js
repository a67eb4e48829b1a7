'use strict';
/* loaded.js - the packages that tools/fetch-clients has loaded, and what both suites share. */
const path = require('path');
const { createRequire } = require('module');
const { ROOT } = require('../broker');

const FOLDER = path.join(ROOT, 'build/clients/js');
let names = 0;

/** A name that nobody used before. */
function fresh(what) {
    names += 1;
    return `js-${what}-${names}`;
}

function numbers(count) {
    return Array.from({ length: count }, (_, i) => String(i));
}

module.exports = { FOLDER, fresh, load: createRequire(path.join(FOLDER, 'package.json')), numbers };
