'use strict';
/*
 * dialogue.js - the small language of the wire tests: what is sent and what must come back, byte for byte.
 *
 *   door NAME         opens a connection to that door (again: a new one)
 *   > TOKENS          sends
 *   < TOKENS          must come next; more may follow
 *   closed            the peer must close, without another byte (unless the step before ended with *)
 *   # text            a comment; the first one of a file says what it shows
 *
 * Tokens: hex digits (2 a byte, any grouping),
 * "text" with \r \n \t \\ \" \xNN, ?? any byte, * any bytes up to the end of
 * its group (or of what came), {N: TOKENS} a group behind its length in N bytes, NUMBERxHH that many times the byte.
 * A line that starts with blanks goes on the line before.
 */

function readString(line, at) {
    const end = /"(?:[^"\\]|\\.)*"/y;
    end.lastIndex = at;
    const found = end.exec(line);
    if (!found) {
        throw new Error(`open string in: ${line}`);
    }
    return { text: JSON.parse(found[0].replace(/\\x([0-9a-f]{2})/gi, '\\u00$1')), next: end.lastIndex };
}

/** Tokens from `at` up to the end or the closing brace: { tokens, next }. */
function readTokens(line, at) {
    const tokens = [];
    let next = at;
    while (next < line.length && line[next] !== '}') {
        const rest = line.slice(next);
        let found;
        if (/^\s/.test(rest)) {
            next += 1;
        } else if (rest[0] === '"') {
            const string = readString(line, next);
            tokens.push(...Buffer.from(string.text, 'latin1'));
            next = string.next;
        } else if (rest[0] === '*') {
            tokens.push('*');
            next += 1;
        } else if (rest.startsWith('??')) {
            tokens.push('??');
            next += 2;
        } else if ((found = /^\{(\d):/.exec(rest))) {
            const inner = readTokens(line, next + found[0].length);
            tokens.push({ size: Number(found[1]), tokens: inner.tokens });
            next = inner.next + 1;
        } else if ((found = /^(\d+)x([0-9a-f]{2})/i.exec(rest))) {
            tokens.push(...Buffer.alloc(Number(found[1]), Number.parseInt(found[2], 16)));
            next += found[0].length;
        } else if ((found = /^([0-9a-f]{2})/i.exec(rest))) {
            tokens.push(Number.parseInt(found[1], 16));
            next += 2;
        } else {
            throw new Error(`cannot read: ${rest}`);
        }
    }
    return { tokens, next };
}

function encode(tokens) {
    return Buffer.concat(tokens.map((token) => {
        if (typeof token === 'number') {
            return Buffer.from([token]);
        }
        if (typeof token === 'string') {
            throw new Error(`${token} cannot be sent`);
        }
        const inner = encode(token.tokens);
        const length = Buffer.alloc(token.size);
        length.writeUIntBE(inner.length, 0, token.size);
        return Buffer.concat([length, inner]);
    }));
}

class NeedMore extends Error {}

/** Where the match ends; throws NeedMore when bytes are missing and an Error when they differ. */
function match(tokens, bytes, at, end, isOpen) {
    let next = at;
    for (const token of tokens) {
        if (token === '*') {
            return end;
        }
        const size = token.size || 1;
        if (next + size > end) {
            if (isOpen) {
                throw new NeedMore();
            }
            throw new Error(`group of ${end - at} bytes is too short`);
        }
        if (token.size) {
            const inner = next + size + bytes.readUIntBE(next, size);
            if (inner > end) {
                if (isOpen) {
                    throw new NeedMore();
                }
                throw new Error('inner group is longer than its outer one');
            }
            const stop = match(token.tokens, bytes, next + size, inner, false);
            if (stop !== inner) {
                throw new Error(`${inner - stop} bytes too many in a group at ${next}`);
            }
            next = inner;
        } else {
            if (token !== '??' && bytes[next] !== token) {
                throw new Error(`byte ${next} is ${bytes[next].toString(16)}, not ${token.toString(16)}`);
            }
            next += 1;
        }
    }
    return next;
}

/** A file as { title, steps: [{ op, line, tokens | door }] }. */
function parse(text) {
    const lines = text.replace(/\n[ \t]+(?=\S)/g, ' ').split('\n');
    const steps = [];
    let title = null;
    for (const line of lines) {
        const [, op, rest] = /^(#|>|<|closed|door)?\s*(.*)$/.exec(line);
        if (op === '#') {
            title = title || rest;
        } else if (op === 'door') {
            steps.push({ op, line, door: rest.trim() });
        } else if (op === 'closed') {
            steps.push({ op, line });
        } else if (op) {
            steps.push({ op, line, tokens: readTokens(rest, 0).tokens });
        } else if (rest) {
            throw new Error(`not a step: ${line}`);
        }
    }
    return { title, steps };
}

module.exports = { NeedMore, encode, match, parse };
