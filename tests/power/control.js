'use strict';
/*
 * control.js - what all roles of the load share: where the broker is, what is to be done now, and the loop of a client
 * that connects, works until something breaks, and connects again.
 */
const { createRequire } = require('module');
const path = require('path');

/* The client libraries are those of tests/clients. */
const clients = createRequire(path.join(__dirname, '../clients/package.json'));

const RETRY_MS = 30;
const WAITING_MAX = 1500; /* sent and not yet delivered, in one queue */
const BODY_BYTES_MAX = 400000;
const SMALL_BYTES_MAX = 19000; /* ten of them fit into what SQS takes at once */

function sleep(ms) {
    return new Promise((resolve) => { setTimeout(resolve, ms); });
}

/** phase: load (all work), drain (only readers work), stopped. */
class Control {
    constructor(at, history) {
        this.at = at; /* door -> host:port */
        this.history = history;
        this.phase = 'load';
        this.errors = new Map();
        this.roles = [];
    }

    get isLoading() {
        return this.phase === 'load';
    }

    get isStopped() {
        return this.phase === 'stopped';
    }

    /** Runs session again and again; it works until it throws or is told by the phase to return. */
    role(name, session) {
        const loop = async () => {
            while (!this.isStopped) {
                try {
                    await session();
                } catch (error) {
                    const text = `${name}: ${String((error && error.message) || error).slice(0, 120)}`;
                    this.errors.set(text, (this.errors.get(text) || 0) + 1);
                }
                await sleep(RETRY_MS);
            }
        };
        this.roles.push(loop());
    }

    /** Waits for ms, and as long as the readers of a queue are far behind. */
    async room(laneName, ms) {
        const lane = this.history.lane(laneName);
        await sleep(ms);
        while (this.isLoading && !lane.isLog && lane.waiting > WAITING_MAX) {
            await sleep(1);
        }
    }

    async stop() {
        this.phase = 'stopped';
        await Promise.race([Promise.all(this.roles), sleep(3000)]);
    }
}

/** The body of a message: its id, a space, and padding that makes most small, some large, a few very large. */
function body(id, bytesMax = BODY_BYTES_MAX) {
    const n = Number(id.slice(id.lastIndexOf(':') + 1));
    let bytes = n % 7 * 40;
    if (n % 97 === 0) {
        bytes = 20000;
    }
    if (n % 1009 === 1008) {
        bytes = BODY_BYTES_MAX;
    }
    return `${id} ${'.'.repeat(Math.min(bytes, bytesMax))}`;
}

/** The id of a message that arrived; what has not the body that belongs to it has none. */
function idOf(text) {
    const id = text.slice(0, text.indexOf(' '));
    return text === body(id) || text === body(id, SMALL_BYTES_MAX) ? id : `(changed) ${id}`;
}

module.exports = { Control, SMALL_BYTES_MAX, body, clients, idOf, sleep };
