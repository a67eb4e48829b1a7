'use strict';
/*
 * image.js - a file system of our own in an image file on a loop device, that can lose its power.
 *
 *     make: mkfs -> mount -> [ cut -> unmount -> mount (the file system replays its log) ]* -> unmount
 *
 * ext4 and xfs keep a log: whatever is synced brings along every change of names before it. So a broker that forgets
 * to sync a directory mostly gets away with it there. "ext2" is the ext4 driver without a log, where names lie in
 * memory until somebody syncs them or half a minute is over.
 *
 * It is mounted with the mount command's own loop option, so that the device goes when the mount goes, and inside the
 * mount namespace that the program was started in (runInPrivate), so that nothing is left behind whatever happens.
 */
const { execFile, spawnSync } = require('child_process');
const fs = require('fs');
const path = require('path');
const { promisify } = require('util');

const exec = promisify(execFile);

const PASSED = ['MYNA', 'MYNA_PORT', 'CUTTER', 'SEED', 'DAMAGE', 'TMPDIR', 'VERBOSE']; /* sudo drops the rest */
const PRIVATE = 'POWER_IS_PRIVATE'; /* environment: these mounts are our own */
const REPAIRED = 2; /* exit status of e2fsck up to which all is well now */
const IMAGE_BYTES = 2 ** 31; /* sparse */
const MAKE = {
    ext4: ['mkfs.ext4', '-q', '-F', '-E', 'nodiscard'],
    xfs: ['mkfs.xfs', '-q', '-f', '-K'],
    ext2: ['mkfs.ext4', '-q', '-F', '-E', 'nodiscard', '-O', '^has_journal'],
};
const TYPE = { ext2: 'ext4' }; /* the driver's name where it is not the kind's */

/** Why there can be no cuts here; null when it is worth a try. */
function obstacle(kind) {
    if (!MAKE[kind]) {
        return 'not a file system that this test knows';
    }
    if (process.getuid() !== 0) {
        return 'loop devices and mounts need root';
    }
    if (!process.env[PRIVATE]) {
        return 'this process may not make mounts of its own (no CAP_SYS_ADMIN)';
    }
    if (!fs.existsSync('/dev/loop-control')) {
        return 'this machine has no loop devices';
    }
    if (spawnSync('sh', ['-c', `command -v ${MAKE[kind][0]}`]).status !== 0) {
        return `${MAKE[kind][0]} is not installed`;
    }
    return null;
}

/** Runs this program once more: as root if sudo lets us, with mounts that nobody else sees. False: not possible. */
function runInPrivate() {
    const passed = PASSED.filter((name) => process.env[name]).map((name) => `${name}=${process.env[name]}`);
    const prefix = [...(process.getuid() === 0 ? [] : ['sudo', '-n']), 'env', ...passed, `${PRIVATE}=1`,
        'unshare', '--mount', '--propagation', 'private'];
    if (process.env[PRIVATE] || spawnSync(prefix[0], [...prefix.slice(1), 'true']).status !== 0) {
        return false;
    }
    const command = [...prefix, process.execPath, ...process.argv.slice(1)];
    const done = spawnSync(command[0], command.slice(1), { stdio: 'inherit' });
    process.exitCode = done.status === null ? 1 : done.status;
    return true;
}

class Image {
    /** folder: where image and mount point go. cutter: the program made of cut.c. */
    constructor(kind, folder, cutter) {
        this.kind = kind;
        this.file = path.join(folder, `${kind}.image`);
        this.mountPoint = path.join(folder, kind);
        this.cutter = cutter;
    }

    /** A new file system, mounted. Fails where the system does not let us. */
    async make() {
        fs.mkdirSync(this.mountPoint, { mode: 0o700 });
        fs.writeFileSync(this.file, '');
        fs.truncateSync(this.file, IMAGE_BYTES);
        await exec(MAKE[this.kind][0], [...MAKE[this.kind].slice(1), this.file]);
        await this.mount();
    }

    async mount() {
        await exec('mount', ['-t', TYPE[this.kind] || this.kind, '-o', 'loop', this.file, this.mountPoint]);
    }

    async unmount() {
        await exec('umount', [this.mountPoint]);
    }

    /** way: noflush (a power cut), flush or default (cut.c). When gone() resolves nobody has a file open any more. */
    async cut(way, gone) {
        await exec(this.cutter, [this.mountPoint, way]);
        await gone();
        if (this.kind === 'ext2') {
            await this.forget();
        } else {
            await this.unmount();
        }
        await this.mount();
    }

    /** What the file system has in memory and unmounting would write is left behind; then its check, as at a boot. */
    async forget() {
        const image = `${this.file}.cut`;
        await exec('cp', ['--sparse=always', this.file, image]);
        await this.unmount();
        fs.renameSync(image, this.file);
        await exec('e2fsck', ['-f', '-y', this.file]).catch((error) => {
            if (error.code > REPAIRED) {
                throw error;
            }
        });
    }
}

module.exports = { Image, obstacle, runInPrivate };
