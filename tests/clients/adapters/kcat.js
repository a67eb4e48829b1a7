'use strict';
/* kcat (librdkafka): topic `name`, created by asking for it. One run carries one set of headers,
 * so messages are grouped by their headers. */
const { spawn } = require('child_process');

function kcat(args, input) {
    return new Promise((resolve, reject) => {
        const child = spawn('kcat', args, { stdio: ['pipe', 'pipe', 'pipe'] });
        let out = '';
        let err = '';
        child.stdout.on('data', (chunk) => { out += chunk; });
        child.stderr.on('data', (chunk) => { err += chunk; });
        child.on('error', reject);
        child.on('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`kcat ${args.join(' ')}: ${err}`))));
        child.stdin.end(input);
    });
}

async function publish(at, name, messages, onDone) {
    for (let i = 0; i < messages.length;) {
        const headers = JSON.stringify(messages[i].headers);
        let end = i;
        while (end < messages.length && JSON.stringify(messages[end].headers) === headers) {
            end += 1;
        }
        const flags = Object.entries(messages[i].headers).flatMap(([k, v]) => ['-H', `${k}=${v}`]);
        const lines = messages.slice(i, end).map((m) => `${m.key}\x01${m.body}\x02`).join('');
        await kcat(['-b', at, '-P', '-t', name, '-K', '\x01', '-D', '\x02', '-X', 'acks=all',
            '-X', 'enable.idempotence=true', ...flags], lines);
        i = end;
    }
    onDone();
}

/* With -J the headers are one flat list: name, value, name, value. */
function pairs(list) {
    const found = {};
    for (let i = 0; i + 1 < (list || []).length; i += 2) {
        found[list[i]] = list[i + 1];
    }
    return found;
}

async function receive(at, name, count) {
    const out = await kcat(['-b', at, '-C', '-t', name, '-o', 'beginning', '-c', String(count), '-J', '-q'], '');
    return out.trim().split('\n').map(JSON.parse)
        .map((m) => ({ body: m.payload, key: m.key, headers: pairs(m.headers) }));
}

module.exports = { door: 'kafka', kcat, publish, receive };
