'use strict';
/*
 * history.js - what the clients saw, and the rules that a broker which may be killed at any moment has to keep.
 *
 * A *lane* is a queue with one reader, or a log that is read again and again. A *producer* sends into one lane; its
 * n-th message has the id "producer:n". Every operation is noted before it is sent and once more when its answer is
 * there; an operation whose answer never came has an unknown outcome and may have happened or not.
 *
 *   H1  An acknowledged publish is delivered, at the latest when a drain ends (queue), or is in the log (log).
 *   H2  Nothing is delivered that was not sent, and what is delivered has not changed (control.js tells by the body).
 *   H3  What was settled, and whose settlement was answered while the lease lasted, is never delivered again.
 *   H4  What was delivered before is delivered again only with the flag of the door that says so.
 *   H5  Acknowledged messages of one producer come in the order they were sent (lanes that promise order; first
 *       deliveries without the flag).
 *   H6  An offset of a log has one value for ever, a message has one offset, and the offsets of one producer ascend.
 *   H7  Definitions: what was made is there, what was removed is not; an open outcome may be either.
 *   H8  A group's offset is none below the last acknowledged commit and none above the last one sent.
 *
 * A broken rule becomes a line in `violations`; acknowledged messages that are gone are counted in `lost`.
 */

const SENT = 1;
const ACKED = 2;
const DELIVERED = 4;
const SETTLED = 8; /* known to be */
const MISSING = 16; /* reported; not again */

const VIOLATIONS_MAX = 10; /* as many are kept; all are counted */

/** All messages of one producer: the index is the message's number. */
class Producer {
    constructor(lane, name) {
        this.lane = lane;
        this.name = name;
        this.state = [];
        this.place = []; /* ordinal of the first unflagged delivery, or the offset in the log */
        this.checked = 0; /* below here all is settled and has been looked at */
    }

    get count() {
        return this.state.length;
    }
}

class Lane {
    constructor(name, { isOrdered = true, isFlagged = true, isLog = false } = {}) {
        Object.assign(this, { name, isOrdered, isFlagged, isLog });
        this.deliveries = 0;
        this.waiting = 0; /* sent, not delivered; those that never arrived count until the next drain */
        this.values = new Map(); /* log: "partition/offset" -> id */
        this.ends = new Map(); /* log: partition -> first offset not seen yet */
    }
}

class History {
    constructor() {
        this.lanes = new Map();
        this.producers = new Map();
        this.definitions = new Map(); /* "kind name" -> made, gone, unknown */
        this.commits = new Map(); /* "group topic/partition" -> { acked, sent } */
        this.violations = [];
        this.violationCount = 0;
        this.lost = 0;
        this.counts = { acked: 0, unknown: 0, delivered: 0, repeated: 0, settled: 0, defined: 0, committed: 0 };
    }

    violation(text) {
        this.violationCount += 1;
        if (this.violations.length < VIOLATIONS_MAX) {
            this.violations.push(text);
        }
    }

    lane(name, traits) {
        if (!this.lanes.has(name)) {
            this.lanes.set(name, new Lane(name, traits));
        }
        return this.lanes.get(name);
    }

    /** A producer's name holds no colon and is used for one lane only. */
    producer(name, laneName) {
        if (!this.producers.has(name)) {
            this.producers.set(name, new Producer(this.lane(laneName), name));
        }
        return this.producers.get(name);
    }

    // ---- publishing ----

    /** The id of the producer's next message; to be called before it is sent. */
    sending(producer) {
        producer.state.push(SENT);
        producer.lane.waiting += 1;
        this.counts.unknown += 1;
        return `${producer.name}:${producer.count - 1}`;
    }

    acked(id) {
        const [producer, n] = this.find(id);
        if (!(producer.state[n] & ACKED)) {
            producer.state[n] |= ACKED;
            this.counts.acked += 1;
            this.counts.unknown -= 1;
        }
    }

    find(id) {
        const at = id.lastIndexOf(':');
        const producer = this.producers.get(id.slice(0, at));
        const n = Number(id.slice(at + 1));
        return producer && producer.state[n] ? [producer, n] : [null, 0];
    }

    /** The message as the reader of the lane sees it, or null with a violation (H2). */
    known(lane, id) {
        const [producer, n] = this.find(id);
        if (!producer || producer.lane !== lane) {
            this.violation(`${lane.name}: ${id.slice(0, 60)} was never sent there`);
            return null;
        }
        return { producer, n };
    }

    // ---- a queue's reader ----

    /** isRepeated: the door's flag. */
    delivered(lane, id, isRepeated) {
        const found = this.known(lane, id);
        if (!found) {
            return;
        }
        const { producer, n } = found;
        const state = producer.state[n];
        this.counts.delivered += 1;
        this.counts.repeated += isRepeated ? 1 : 0;
        if (state & SETTLED) {
            this.violation(`${lane.name}: ${id} was settled and came again`);
        } else if ((state & DELIVERED) && lane.isFlagged && !isRepeated) {
            this.violation(`${lane.name}: ${id} came again and did not say so`);
        }
        if (!(state & DELIVERED) && !isRepeated) {
            producer.place[n] = lane.deliveries;
            lane.deliveries += 1;
        }
        lane.waiting -= state & DELIVERED ? 0 : 1;
        producer.state[n] |= DELIVERED;
    }

    /** The answer to the settlement came while the lease lasted. */
    settled(id) {
        const [producer, n] = this.find(id);
        if (!(producer.state[n] & SETTLED)) {
            producer.state[n] |= SETTLED;
            this.counts.settled += 1;
        }
    }

    /** How many acknowledged messages of this lane have not been delivered yet. */
    outstanding(lane) {
        let count = 0;
        for (const p of this.of(lane)) {
            for (let n = p.checked; n < p.count; n += 1) {
                count += (p.state[n] & (ACKED | DELIVERED | MISSING)) === ACKED ? 1 : 0;
            }
        }
        return count;
    }

    of(lane) {
        return [...this.producers.values()].filter((p) => p.lane === lane);
    }

    /** The queue is empty and nobody publishes: what was acknowledged and never came is lost (H1), order (H5). */
    checkDrained(lane) {
        for (const p of this.of(lane)) {
            this.checkOrder(p);
            for (let n = p.checked; n < p.count; n += 1) {
                if ((p.state[n] & (ACKED | DELIVERED | MISSING)) === ACKED) {
                    p.state[n] |= MISSING;
                    this.lost += 1;
                    this.violation(`${lane.name}: ${p.name}:${n} was acknowledged and is lost`);
                }
            }
            p.checked = p.count;
        }
        lane.waiting = 0;
    }

    checkOrder(p) {
        let last = -1;
        for (let n = p.checked; p.lane.isOrdered && n < p.count; n += 1) {
            const at = p.place[n];
            if (!(p.state[n] & ACKED) || at === undefined) {
                continue;
            }
            if (at < last) {
                this.violation(`${p.lane.name}: ${p.name}:${n} came before an older one`);
            }
            last = Math.max(last, at);
        }
    }

    // ---- a log's reader ----

    /** One record of a log; all of it may be read as often as one likes (H6). */
    read(lane, partition, offset, id) {
        const key = `${partition}/${offset}`;
        const before = lane.values.get(key);
        if (before !== undefined) {
            if (before !== id) {
                this.violation(`${lane.name}: offset ${key} was ${before} and is ${id.slice(0, 60)}`);
            }
            return;
        }
        const found = this.known(lane, id);
        if (!found) {
            return;
        }
        const { producer, n } = found;
        const end = lane.ends.get(partition) || 0;
        if (offset < end) {
            this.violation(`${lane.name}: offset ${key} (${id}) was not there when higher ones were`);
        }
        if (producer.state[n] & DELIVERED) {
            this.violation(`${lane.name}: ${id} is at ${producer.place[n]} and at ${key}`);
        }
        lane.values.set(key, id);
        lane.ends.set(partition, Math.max(end, offset + 1));
        producer.place[n] = key;
        producer.state[n] |= DELIVERED;
        this.counts.delivered += 1;
    }

    /** What the next reading of the log has to find: all that is acknowledged by now and was not seen yet. */
    due(lane) {
        const due = [];
        for (const p of this.of(lane)) {
            for (let n = 0; n < p.count; n += 1) {
                if ((p.state[n] & (ACKED | DELIVERED | MISSING)) === ACKED) {
                    due.push([p, n]);
                }
            }
        }
        return due;
    }

    /** The ids of all acknowledged messages of a lane, producer by producer in the order they were sent. */
    acknowledged(lane) {
        return this.of(lane).flatMap((p) => p.state.flatMap((state, n) => (state & ACKED ? [`${p.name}:${n}`] : [])));
    }

    /** The log was read to its end after due(): what was due and did not come is lost (H1). */
    checkLog(lane, due) {
        for (const [p, n] of due.filter(([producer, i]) => !(producer.state[i] & DELIVERED))) {
            p.state[n] |= MISSING;
            this.lost += 1;
            this.violation(`${lane.name}: ${p.name}:${n} was acknowledged and is not in the log`);
        }
        this.of(lane).forEach((p) => this.checkLogOrder(p));
    }

    checkLogOrder(p) {
        const last = new Map();
        for (let n = 0; n < p.count; n += 1) {
            if ((p.state[n] & (ACKED | DELIVERED)) === (ACKED | DELIVERED)) {
                const [partition, offset] = p.place[n].split('/').map(Number);
                if (offset < (last.get(partition) || 0)) {
                    this.violation(`${p.lane.name}: ${p.name}:${n} lies before an older one`);
                }
                last.set(partition, offset);
            }
        }
    }

    /** Offsets up to `end` were seen: a log that ends earlier has lost what it showed (H6). */
    checkLogEnd(lane, partition, end) {
        const seen = lane.ends.get(partition) || 0;
        if (end < seen) {
            this.violation(`${lane.name}: partition ${partition} ends at ${end} and had ${seen}`);
        }
    }

    // ---- definitions and offsets ----

    /** Before it is sent: the outcome is open until defined() says which it was. */
    defining(kind, name) {
        this.definitions.set(`${kind} ${name}`, 'unknown');
    }

    /** outcome: made or gone. */
    defined(kind, name, outcome) {
        this.definitions.set(`${kind} ${name}`, outcome);
        this.counts.defined += 1;
    }

    /** What a listing that begins now has to agree with. */
    definitionsNow() {
        return new Map(this.definitions);
    }

    /** names: all of that kind that the broker listed since definitionsNow(). What changed meanwhile does not count. */
    checkDefinitions(kind, names, before) {
        const there = new Set(names);
        for (const [key, outcome] of this.definitions) {
            const name = key.slice(kind.length + 1);
            if (!key.startsWith(`${kind} `) || before.get(key) !== outcome) {
                continue;
            }
            if (outcome === 'made' && !there.has(name)) {
                this.violation(`${kind} ${name} was made and is gone`);
            } else if (outcome === 'gone' && there.has(name)) {
                this.violation(`${kind} ${name} was removed and is back`);
            }
        }
    }

    committing(group, topic, partition, offset) {
        const key = `${group} ${topic}/${partition}`;
        const commit = this.commits.get(key) || { acked: -1, sent: -1 };
        commit.sent = Math.max(commit.sent, offset);
        this.commits.set(key, commit);
    }

    committed(group, topic, partition, offset) {
        const commit = this.commits.get(`${group} ${topic}/${partition}`);
        commit.acked = Math.max(commit.acked, offset);
        this.counts.committed += 1;
    }

    /** The last acknowledged commit, to be asked for before the broker is; -1 for none. */
    committedNow(group, topic, partition) {
        const commit = this.commits.get(`${group} ${topic}/${partition}`);
        return commit ? commit.acked : -1;
    }

    /** offset: what the broker says is committed; -1 for none. acked: committedNow() of before. */
    checkCommit(group, topic, partition, offset, acked) {
        const { sent } = this.commits.get(`${group} ${topic}/${partition}`) || { sent: -1 };
        if (offset < acked || offset > sent) {
            this.violation(`group ${group}, ${topic}/${partition}: committed ${acked}, sent ${sent}, found ${offset}`);
        }
    }

    summary() {
        const c = this.counts;
        return `${c.acked} published, ${c.unknown} open, ${c.delivered} delivered (${c.repeated} again), `
            + `${c.settled} settled, ${c.defined} definitions, ${c.committed} offset commits`;
    }
}

module.exports = { History };
