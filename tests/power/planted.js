'use strict';
/*
 * planted.js - tests that cannot fail are worth nothing: each bug of src/store/planted.h is built in, and the simulator
 * and the power-cut loop each have to find it. The control is every other run of the two, which finds nothing.
 *
 *   bug               power cuts                                        simulator
 *   ack-before-sync   on ext4                                           yes
 *   skip-dir-sync     on ext2, where nothing else brings names along    yes
 *   ignore-crc        with a bit turned over after each cut             yes
 *
 *     planted.js [BUG...]         environment: CUTS (20), SEEDS (2000)
 *
 * The last line is "planted: N of N found", and only then the status is 0. Where there can be no power cuts that is
 * said, and does not count.
 */
const { spawnSync } = require('child_process');
const path = require('path');

const ROOT = path.resolve(__dirname, '../..');
const CUTS = process.env.CUTS || '20';
const SEEDS = process.env.SEEDS || '2000';
const SECONDS_MAX = '300';

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

function build(bug) {
    const { code, text } = run('tools/build', [`planted-${bug}`, `-Dplanted=${bug}`, '-Dbuildtype=release']);
    if (code !== 0) {
        throw new Error(`build with ${bug}: ${text}`);
    }
    return path.join(ROOT, 'build', `planted-${bug}`);
}

/** How the power-cut loop found it; null: not at all; undefined: it cannot run here. */
function byPowerCuts(bug, folder) {
    const { kind, env } = BUGS[bug];
    const { code, text } = run(process.execPath, ['tests/power/powercut.js', CUTS, kind],
        { ...env, MYNA: path.join(folder, 'myna') });
    const [, reason] = /^powercut: not run on (.*)$/m.exec(text) || [];
    if (reason) {
        process.stdout.write(`planted: power cuts not run on ${reason}\n`);
        return undefined;
    }
    const [, cuts] = /^powercut: (\d+) cuts/m.exec(text) || [];
    return code !== 0 && cuts ? `after ${cuts} cuts` : null;
}

function bySimulator(folder) {
    const { code, text } = run(path.join(folder, 'sim'), ['--seeds', SEEDS], {});
    const [, seed] = /make sim SEED=(\d+)/.exec(text) || [];
    return code !== 0 && seed ? `with seed ${seed}` : null;
}

function main(bugs) {
    let [found, wanted] = [0, 0];
    for (const bug of bugs) {
        const folder = build(bug);
        for (const [who, how] of [['power cuts', byPowerCuts(bug, folder)], ['simulator', bySimulator(folder)]]) {
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
