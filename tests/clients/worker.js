'use strict';
/*
 * worker.js - one client in a process of its own, driven by its parent: { id, adapter, op, args } in, { id, result } or
 * { id, error } out. A publish answers at the moment its messages are acknowledged, before the client disconnects, so
 * that the parent can kill the broker right then; what the client says about that afterwards is only noted as stray.
 */
const path = require('path');

function stray(error) {
    process.send({ stray: String((error && error.stack) || error) });
}

process.on('uncaughtException', stray);
process.on('unhandledRejection', stray);

process.on('message', async ({ id, adapter, op, args }) => {
    let isAnswered = false;
    const answer = (message) => {
        if (!isAnswered) {
            isAnswered = true;
            process.send({ id, ...message });
        }
    };
    try {
        const client = require(path.join(__dirname, 'adapters', adapter));
        const onDone = op === 'publish' ? [() => answer({ result: null })] : [];
        const result = await client[op](...args, ...onDone);
        answer({ result: result === undefined ? null : result });
    } catch (error) {
        answer({ error: String((error && error.stack) || error) });
    }
});
