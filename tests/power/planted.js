'use strict';
/*
 * planted.js - tests that cannot fail are worth nothing: simulator and power-cut loop each have to find each bug
 * of src/store/planted.h, in programs that have one. The control is every other run of the two, which finds nothing.
 *
 *   bug               power cuts                                        simulator
 *   ack-before-sync   on ext4                                           yes
 *   skip-dir-sync     on ext2, where nothing else brings names along    yes
 *   ignore-crc        with a bit turned over after each cut             yes
 *
 *     planted.js [BUG...]         environment: MYNA a binary in the build directory, CUTS (40), SEEDS (2000)
 *
 * The last line is "planted: N of N found", and only then the status is 0. Where there can be no power cuts that is
 * said, and does not count.
 */
const { spawnSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { BINARY, ROOT } = require('../clients/broker');

const FOLDER = path.dirname(BINARY);
const CUTS = process.env.CUTS || '40';
const SEEDS = process.env.SEEDS || '2000';
const SECONDS_MAX = '900'; /* only against what hangs */

const BUGS = {
    'ack-before-sync': { kind: 'ext4', env: {} },
    'skip-dir-sync': { kind: 'ext2', env: {} },
    'ignore-crc': { kind: 'ext4', env: { DAMAGE: '1' } },
};

function run(command, args, env) {
    /* timeout(1) ends a program's children, too. */
    const done = spawnSync('timeout', ['-k', '5', SECONDS_MAX, command, ...args],
        { cwd: ROOT, env: { ...process.env, ...env } });
    return { code: done.status, text: `${done.stdout}${done.stderr}` };
}

function build(bugs) {
    const programs = bugs.flatMap((bug) => [`myna-${bug}`, `sim-${bug}`]);
    const { code, text } = run('ninja', ['-C', FOLDER, ...programs], {});
    if (code !== 0) {
        throw new Error(`build of ${programs.join(', ')}: ${text}`);
    }
}

/** How the power-cut loop found it; null: not at all; undefined: it cannot run here. */
function byPowerCuts(bug) {
    const { kind, env } = BUGS[bug];
    const images = fs.mkdtempSync(path.join(os.tmpdir(), 'myna-planted-')); /* it keeps what it found */
    const { code, text } = run(process.execPath, ['tests/power/powercut.js', CUTS, kind],
        { ...env, MYNA: path.join(FOLDER, `myna-${bug}`), TMPDIR: images });
    fs.rmSync(images, { recursive: true, force: true });
    const [, reason] = /^powercut: not run on (.*)$/m.exec(text) || [];
    if (reason) {
        process.stdout.write(`planted: power cuts not run on ${reason}\n`);
        return undefined;
    }
    const [, cuts] = /^powercut: (\d+) cuts/m.exec(text) || [];
    return code !== 0 && cuts ? `after ${cuts} cuts` : null;
}

function bySimulator(bug) {
    const { code, text } = run(path.join(FOLDER, `sim-${bug}`), ['--seeds', SEEDS], {});
    const [, seed] = /make sim SEED=(\d+)/.exec(text) || [];
    return code !== 0 && seed ? `with seed ${seed}` : null;
}

function main(bugs) {
    let [found, wanted] = [0, 0];
    build(bugs);
    for (const bug of bugs) {
        for (const [who, how] of [['power cuts', byPowerCuts(bug)], ['simulator', bySimulator(bug)]]) {
            if (how !== undefined) {
                wanted += 1;
                found += how ? 1 : 0;
                process.stdout.write(`  ${bug}: ${who} ${how ? `found it ${how}` : 'DID NOT FIND IT'}\n`);
            }
        }
    }
    process.stdout.write(`planted: ${found} of ${wanted} found\n`);
    return found === wanted && wanted > 0 ? 0 : 1;
}

process.exit(main(process.argv.length > 2 ? process.argv.slice(2) : Object.keys(BUGS)));
