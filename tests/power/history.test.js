'use strict';
/* history.test.js - breaks each rule of history.js on purpose and sees it reported. Output is TAP. */
const assert = require('assert');
const { History } = require('./history');

const checks = [];

function check(name, fn) {
    checks.push([name, fn]);
}

/** A queue with `count` acknowledged messages that nobody has read. */
function queue(count, traits) {
    const h = new History();
    const lane = h.lane('q', traits);
    const producer = h.producer('p', 'q');
    const ids = Array.from({ length: count }, () => h.sending(producer));
    ids.forEach((id) => h.acked(id));
    return { h, lane, producer, ids };
}

function log(count) {
    return queue(count, { isLog: true });
}

function assertBroken(h, pattern, lost = 0) {
    assert.strictEqual(h.violationCount, 1, h.violations.join('; ') || 'no violation');
    assert.match(h.violations[0], pattern);
    assert.strictEqual(h.lost, lost);
}

function assertKept(h) {
    assert.deepStrictEqual(h.violations, []);
    assert.strictEqual(h.lost, 0);
}

check('a history in which all is well breaks nothing', () => {
    const { h, lane, ids } = queue(3);
    ids.forEach((id) => h.delivered(lane, id, false));
    ids.forEach((id) => h.settled(id));
    h.checkDrained(lane);
    assertKept(h);
});

check('H1: an acknowledged message that never comes is lost', () => {
    const { h, lane, ids } = queue(3);
    h.delivered(lane, ids[0], false);
    h.delivered(lane, ids[2], false);
    h.checkDrained(lane);
    assertBroken(h, /p:1 was acknowledged and is lost/, 1);
});

check('H1: one whose publish was not answered may come or not', () => {
    const { h, lane, producer, ids } = queue(1);
    const [came] = [h.sending(producer), h.sending(producer)];
    [ids[0], came].forEach((id) => h.delivered(lane, id, false));
    h.checkDrained(lane);
    assertKept(h);
});

check('H1: an acknowledged message that is not in the log is lost', () => {
    const { h, lane, ids } = log(2);
    const due = h.due(lane);
    h.read(lane, 0, 0, ids[0]);
    h.checkLog(lane, due);
    assertBroken(h, /p:1 was acknowledged and is not in the log/, 1);
});

check('H1: what is acknowledged while the log is read is not due yet', () => {
    const { h, lane, producer, ids } = log(1);
    const due = h.due(lane);
    h.acked(h.sending(producer));
    h.read(lane, 0, 0, ids[0]);
    h.checkLog(lane, due);
    assertKept(h);
});

check('H2: a message that was never sent', () => {
    const { h, lane } = queue(1);
    h.delivered(lane, 'p:1', false);
    assertBroken(h, /p:1 was never sent there/);
});

check('H2: a message that was sent to another lane', () => {
    const { h, ids } = queue(1);
    h.delivered(h.lane('other'), ids[0], false);
    assertBroken(h, /never sent there/);
});

check('H3: a settled message that comes again, flagged or not', () => {
    const { h, lane, ids } = queue(1);
    h.delivered(lane, ids[0], false);
    h.settled(ids[0]);
    h.delivered(lane, ids[0], true);
    assertBroken(h, /was settled and came again/);
});

check('H4: a message that comes again and does not say so', () => {
    const { h, lane, ids } = queue(1);
    h.delivered(lane, ids[0], false);
    h.delivered(lane, ids[0], true);
    assertKept(h);
    h.delivered(lane, ids[0], false);
    assertBroken(h, /came again and did not say so/);
});

check('H5: messages of one producer in the wrong order', () => {
    const { h, lane, ids } = queue(3);
    [ids[0], ids[2], ids[1]].forEach((id) => h.delivered(lane, id, false));
    h.checkDrained(lane);
    assertBroken(h, /p:2|p:1 came before an older one/);
});

check('H5: no order where none is promised, none for repeated ones', () => {
    const loose = queue(2, { isOrdered: false });
    loose.ids.reverse().forEach((id) => loose.h.delivered(loose.lane, id, false));
    loose.h.checkDrained(loose.lane);
    assertKept(loose.h);
    const { h, lane, ids } = queue(2);
    h.delivered(lane, ids[1], false);
    h.delivered(lane, ids[0], true);
    h.checkDrained(lane);
    assertKept(h);
});

check('H6: an offset with two values', () => {
    const { h, lane, ids } = log(2);
    h.read(lane, 0, 0, ids[0]);
    h.read(lane, 0, 0, ids[1]);
    assertBroken(h, /offset 0\/0 was p:0 and is p:1/);
});

check('H6: a message at two offsets', () => {
    const { h, lane, ids } = log(1);
    h.read(lane, 0, 0, ids[0]);
    h.read(lane, 1, 0, ids[0]);
    assertBroken(h, /p:0 is at 0\/0 and at 1\/0/);
});

check('H6: messages in the wrong order within a partition', () => {
    const { h, lane, ids } = log(2);
    const due = h.due(lane);
    h.read(lane, 0, 0, ids[1]);
    h.read(lane, 0, 1, ids[0]);
    h.checkLog(lane, due);
    assertBroken(h, /lies before an older one/);
});

check('H6: a log that ends before what it has shown', () => {
    const { h, lane, ids } = log(2);
    ids.forEach((id, i) => h.read(lane, 0, i, id));
    h.checkLogEnd(lane, 0, 2);
    assertKept(h);
    h.checkLogEnd(lane, 0, 1);
    assertBroken(h, /ends at 1 and had 2/);
});

check('H7: a definition that is gone, and one that is back', () => {
    for (const [outcome, names, pattern] of [['made', [], /is gone/], ['gone', ['a'], /is back/]]) {
        const h = new History();
        h.defining('queue', 'a');
        h.defined('queue', 'a', outcome);
        h.checkDefinitions('queue', names, h.definitionsNow());
        assertBroken(h, pattern);
    }
});

check('H7: an open outcome may be either, and so may what changes during the listing', () => {
    const h = new History();
    h.defining('queue', 'a');
    h.checkDefinitions('queue', [], h.definitionsNow());
    const before = h.definitionsNow();
    h.defined('queue', 'a', 'made');
    h.checkDefinitions('queue', [], before);
    assertKept(h);
});

check('H8: an offset that fell back, and one that nobody sent', () => {
    for (const found of [4, 8]) {
        const h = new History();
        h.committing('g', 't', 0, 5);
        h.committed('g', 't', 0, 5);
        h.committing('g', 't', 0, 7);
        [5, 7].forEach((offset) => h.checkCommit('g', 't', 0, offset, h.committedNow('g', 't', 0)));
        assertKept(h);
        h.checkCommit('g', 't', 0, found, h.committedNow('g', 't', 0));
        assertBroken(h, /committed 5, sent 7/);
    }
});

let failed = 0;
checks.forEach(([name, fn], i) => {
    try {
        fn();
        process.stdout.write(`ok ${i + 1} - ${name}\n`);
    } catch (error) {
        failed += 1;
        process.stdout.write(`not ok ${i + 1} - ${name}\n# ${error.message.replace(/\n/g, '\n# ')}\n`);
    }
});
process.stdout.write(`1..${checks.length}\n`);
process.exit(failed ? 1 : 0);
