// What has to be there before anything of ours can run: packages, compiled code, links to the programs.
// Plain JavaScript without dependencies, because it runs on a machine that has nothing but Node.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const NODE_MIN = [20, 19];
const LOCK_WAIT_MS_MAX = 300_000;

class SetupError extends Error {}

/** Ends the program with one sentence instead of a stack trace. */
export function failWith(error) {
  process.stderr.write(`parley: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

export function checkNodeVersion() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
    throw new SetupError(`Node ${NODE_MIN.join('.')} or newer is needed; this is ${process.versions.node}.`);
  }
}

/** Installs the packages that package-lock.json names, if they are not there in just that version. */
export function ensureInstalled() {
  checkNodeVersion();
  const installed = join(ROOT, 'node_modules', '.package-lock.json');
  const wanted = join(ROOT, 'package-lock.json');
  const stamp = join(ROOT, 'node_modules', '.parley-lock');
  const fresh =
    existsSync(installed) && existsSync(stamp) && readFileSync(stamp, 'utf8') === readFileSync(wanted, 'utf8');
  if (!fresh) {
    withLock(() => {
      process.stderr.write('parley: installing packages (npm ci) …\n');
      run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], 'Installing the packages failed; see above.');
      writeFileSync(stamp, readFileSync(wanted));
    });
  }
  linkPrograms();
}

/** Compiles to dist/ when a source is newer than the last build. */
export function ensureBuilt() {
  if (!existsSync(join(ROOT, 'node_modules', 'typescript'))) {
    throw new SetupError('The packages are not installed: run `npm start`, `npm test` or `npm ci` first.');
  }
  if (BUILDS.every(isFresh)) return;
  withLock(() => {
    for (const build of BUILDS) {
      if (isFresh(build)) continue;
      const startedAt = new Date();
      build.make();
      writeFileSync(join(ROOT, build.stamp), startedAt.toISOString());
    }
  });
}

/** What is built, and of what. */
const BUILDS = [
  {
    stamp: 'dist/.built',
    sources: ['src', 'scripts', 'bench', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'],
    except: ['src/web'],
    make: () => {
      const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
      run(process.execPath, [tsc, '-p', 'tsconfig.build.json'], 'The code does not compile; see above.');
    },
  },
  {
    stamp: 'dist/.built-web',
    sources: ['src/web', 'src/client', 'src/protocol', 'src/crypto', 'package-lock.json', 'vite.web.config.ts'],
    except: [],
    make: () => {
      const vite = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');
      const options = ['build', '--config', 'vite.web.config.ts', '--logLevel', 'warn'];
      run(process.execPath, [vite, ...options], 'The web app does not build; see above.');
      compressFiles(join(ROOT, 'dist', 'web'));
    },
  },
];

function isFresh({ stamp, sources, except }) {
  if (!existsSync(join(ROOT, stamp))) return false;
  const builtAt = Date.parse(readFileSync(join(ROOT, stamp), 'utf8'));
  const left = new Set(except.map((path) => join(ROOT, path)));
  return sources.every((source) => newestMs(join(ROOT, source), left) <= builtAt);
}

function newestMs(path, except) {
  if (!existsSync(path) || except.has(path)) return 0;
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name), except)));
}

/** Once here, so that no node has to do it for a request. */
function compressFiles(folder) {
  for (const name of readdirSync(folder, { recursive: true })) {
    if (!/\.(js|css|html|svg|webmanifest|wasm)$/.test(name)) continue;
    const file = join(folder, name);
    writeFileSync(`${file}.br`, brotliCompressSync(readFileSync(file)));
  }
}

/** Finds `nats-server`, or fetches it into .cache/; the programs started from here find it through the environment. */
export async function ensureNatsServer() {
  const module = await import(join(ROOT, 'dist', 'src', 'node', 'transport', 'find-nats-server.js'));
  process.env.NATS_SERVER_BIN = await module.ensureNatsServer(join(ROOT, '.cache'));
}

/** The same with programs that single tests want. Where one cannot be had, its test is skipped. */
export async function ensureTestPrograms() {
  const module = await import(join(ROOT, 'dist', 'src', 'testing', 'programs', 'test-programs.js'));
  Object.assign(process.env, await module.ensureTestPrograms(join(ROOT, '.cache')));
}

/** `npx chatd` then runs this checkout's program at once, without asking npm to link the package first. */
function linkPrograms() {
  const bin = join(ROOT, 'node_modules', '.bin');
  mkdirSync(bin, { recursive: true });
  for (const program of ['chatd', 'chatctl', 'parley']) {
    const file = join(ROOT, 'bin', `${program}.js`);
    chmodSync(file, 0o755);
    const link = join(bin, program);
    if (!existsSync(link)) {
      rmSync(link, { force: true });
      symlinkSync(`../../bin/${program}.js`, link);
    }
  }
}

function run(command, args, sentence) {
  const result = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (result.error) throw new SetupError(`${command} could not be started: ${result.error.message}`);
  if (result.status !== 0) throw new SetupError(sentence);
}

/** One set-up at a time in this checkout; the lock of a process that died is taken over. */
function withLock(work) {
  const lock = join(ROOT, '.cache', 'setup.lock');
  mkdirSync(dirname(lock), { recursive: true });
  const deadline = Date.now() + LOCK_WAIT_MS_MAX;
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (!isAlive(Number(readFileSync(lock, 'utf8')))) rmSync(lock, { force: true });
      else if (Date.now() > deadline) throw new SetupError(`Another set-up holds ${lock}; remove it if none runs.`);
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
  try {
    return work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function isAlive(pid) {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}
