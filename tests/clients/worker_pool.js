'use strict';
/* worker_pool.js - one worker process per client; a call that takes too long kills its worker,
 * the next has a new one. */
const { fork } = require('child_process');
const path = require('path');

class WorkerPool {
    constructor() {
        this.workers = new Map();
        this.id = 0;
    }

    worker(adapter) {
        if (!this.workers.has(adapter)) {
            const child = fork(path.join(__dirname, 'worker.js'), [], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
            const worker = { child, calls: new Map(), stray: '' };
            child.on('message', ({ id, stray, ...answer }) => {
                if (stray) {
                    worker.stray = stray;
                } else if (worker.calls.has(id)) {
                    worker.calls.get(id)(answer);
                    worker.calls.delete(id);
                }
            });
            child.on('exit', () => this.lost(adapter, worker));
            this.workers.set(adapter, worker);
        }
        return this.workers.get(adapter);
    }

    lost(adapter, worker) {
        if (this.workers.get(adapter) === worker) {
            this.workers.delete(adapter);
        }
        for (const resolve of worker.calls.values()) {
            resolve({ error: `the ${adapter} process ended; last stray error: ${worker.stray || 'none'}` });
        }
        worker.calls.clear();
    }

    async call(adapter, op, args, msMax) {
        const worker = this.worker(adapter);
        this.id += 1;
        const id = this.id;
        let timer;
        const answer = await new Promise((resolve) => {
            worker.calls.set(id, resolve);
            timer = setTimeout(() => {
                worker.calls.delete(id);
                resolve({ error: `no answer in ${msMax} ms; last stray error: ${worker.stray || 'none'}` });
                worker.child.kill('SIGKILL');
            }, msMax);
            worker.child.send({ id, adapter, op, args });
        });
        clearTimeout(timer);
        if (answer.error) {
            throw new Error(`${adapter} ${op}: ${answer.error}`);
        }
        return answer.result;
    }

    close() {
        for (const { child } of this.workers.values()) {
            child.removeAllListeners('exit');
            child.kill('SIGKILL');
        }
    }
}

module.exports = { WorkerPool };
