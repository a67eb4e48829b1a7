'use strict';
/*
 * damage.js - one bit of an acknowledged message turns over in a journal file, and back.
 *
 * The message lies in the log lane, so that somebody will read it, and not among the last ones: damage at the very end
 * of a journal cannot be told from a write that was cut short.
 */
const fs = require('fs');
const path = require('path');

const LAST_ONES = 200;

/** { file, at } of a byte of padding of this message; null when it is not in the journal or has none. */
function find(folder, id) {
    const pattern = Buffer.from(`${id} .`);
    for (const name of fs.readdirSync(folder)) {
        const file = path.join(folder, name);
        const at = fs.readFileSync(file).indexOf(pattern);
        if (at >= 0) {
            return { file, at: at + pattern.length - 1 };
        }
    }
    return null;
}

function flip({ file, at }) {
    const fd = fs.openSync(file, 'r+');
    const byte = Buffer.alloc(1);
    fs.readSync(fd, byte, 0, 1, at);
    byte[0] ^= 1;
    fs.writeSync(fd, byte, 0, 1, at);
    fs.fsyncSync(fd);
    fs.closeSync(fd);
}

/** Damages an acknowledged message; returns how to undo it, or null when there is none to be had. */
function damage(data, history, topic, random) {
    const folder = path.join(data, 'shard/000/journal');
    const ids = history.acknowledged(history.lane(topic)).slice(0, -LAST_ONES).slice(-LAST_ONES);
    while (ids.length > 0) {
        const [id] = ids.splice(Math.floor(random.between(0, ids.length)), 1);
        const place = find(folder, id);
        if (place) {
            flip(place);
            return () => flip(place);
        }
    }
    return null;
}

module.exports = { damage };
