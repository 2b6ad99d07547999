import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** What a process did to files, in the order in which it was done, and what it said on its standard output. */
export type FileOperation =
  | { readonly kind: 'mkdir'; readonly path: string }
  | { readonly kind: 'open'; readonly path: string; readonly truncate: boolean }
  | { readonly kind: 'write'; readonly path: string; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly path: string; readonly bytes: number }
  | { readonly kind: 'sync'; readonly path: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'unlink'; readonly path: string }
  | { readonly kind: 'said'; readonly text: string };

const CALLS = [
  ...['openat', 'write', 'pwrite64', 'fsync', 'fdatasync', 'truncate', 'ftruncate'],
  ...['mkdir', 'mkdirat', 'rename', 'renameat', 'renameat2', 'unlink', 'unlinkat', 'rmdir'],
];

/**
 * Runs a program under strace and reads what it did below `dir`.
 *
 * @param strace the path of strace
 */
export async function traceFiles(
  strace: string,
  command: readonly string[],
  { dir, traceFile }: { readonly dir: string; readonly traceFile: string },
): Promise<FileOperation[]> {
  // -y: paths of descriptors; -xx: everything as hex; -s: nothing is abbreviated; ?: not every system has every call.
  const calls = CALLS.map((call) => `?${call}`).join();
  const options = ['-f', '-y', '-xx', '-s', '16777216', '-e', `trace=${calls}`, '-o', traceFile];
  await runToEnd(strace, [...options, ...command]);
  return parseTrace(await readFile(traceFile, 'latin1'), dir);
}

function runToEnd(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    // Calls that go through a ring shared with the kernel would not be seen.
    const env = { ...process.env, UV_USE_IO_URING: '0' };
    const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} ended with ${code ?? signal}`));
    });
  });
}

function parseTrace(trace: string, dir: string): FileOperation[] {
  const operations: FileOperation[] = [];
  const positions = new Map<number, number>();
  for (const { name, args, result } of callsIn(trace)) {
    if (result < 0) continue;
    const operation = operationOf(name, args, { result, positions });
    if (operation === undefined) continue;
    if (operation.kind === 'said' || pathOf(operation).startsWith(`${dir}/`) || pathOf(operation) === dir) {
      operations.push(operation);
    }
  }
  return operations;
}

function pathOf(operation: Exclude<FileOperation, { kind: 'said' }>): string {
  return operation.kind === 'rename' ? operation.to : operation.path;
}

interface Call {
  readonly name: string;
  readonly args: string;
  readonly result: number;
}

/** Calls by the time of their end; strace shows one that others interrupt in two lines. */
function* callsIn(trace: string): Generator<Call> {
  const begun = new Map<string, string>();
  for (const line of trace.split('\n')) {
    const [, pid, rest] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (pid === undefined || rest === undefined) continue;
    const unfinished = rest.indexOf(' <unfinished ...>');
    if (unfinished >= 0) {
      begun.set(pid, rest.slice(0, unfinished));
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1];
    const whole = resumed === undefined ? rest : (begun.get(pid) ?? '') + resumed;
    const [, name, args, result] = /^(\w+)\((.*)\) += (-?\d+)/.exec(whole) ?? [];
    if (name !== undefined && args !== undefined) yield { name, args, result: Number(result) };
  }
}

/** `"\x61…"` and `5<\x61…>`. */
const textsIn = (args: string): string[] =>
  [...args.matchAll(/"((?:\\x..)*)"/g)].map(([, hex]) => fromHex(hex!).toString());
const fromHex = (escaped: string): Buffer => Buffer.from(escaped.replaceAll('\\x', ''), 'hex');

function operationOf(
  name: string,
  args: string,
  { result, positions }: { readonly result: number; readonly positions: Map<number, number> },
): FileOperation | undefined {
  const [path, other] = textsIn(args);
  switch (name) {
    case 'mkdir':
    case 'mkdirat':
      return path === undefined ? undefined : { kind: 'mkdir', path };
    case 'openat':
      if (path === undefined || !/O_WRONLY|O_RDWR/.test(args)) return undefined;
      assert(!args.includes('O_APPEND'), 'appending is not modelled');
      positions.set(result, 0);
      return { kind: 'open', path, truncate: args.includes('O_TRUNC') };
    case 'rename':
    case 'renameat':
    case 'renameat2':
      return path === undefined || other === undefined ? undefined : { kind: 'rename', from: path, to: other };
    case 'unlink':
    case 'unlinkat':
      return path === undefined ? undefined : { kind: 'unlink', path };
    case 'rmdir':
      return undefined;
    case 'truncate':
      return { kind: 'truncate', path: path!, bytes: Number(/(\d+)$/.exec(args)?.[1]) };
    default:
      return onDescriptor(name, args, { result, positions });
  }
}

function onDescriptor(
  name: string,
  args: string,
  { result, positions }: { readonly result: number; readonly positions: Map<number, number> },
): FileOperation | undefined {
  const [, number, hexPath, rest] = /^(\d+)<((?:\\x..)*)[^>]*>(.*)$/.exec(args) ?? [];
  if (number === undefined || hexPath === undefined || rest === undefined) return undefined;
  const descriptor = Number(number);
  const path = fromHex(hexPath).toString();
  if (name === 'fsync' || name === 'fdatasync') return { kind: 'sync', path };
  if (name === 'ftruncate') return { kind: 'truncate', path, bytes: Number(/(\d+)$/.exec(rest)?.[1]) };
  const bytes = fromHex(/"((?:\\x..)*)"/.exec(rest)?.[1] ?? '').subarray(0, result);
  if (descriptor === 1) return { kind: 'said', text: bytes.toString() };
  if (name === 'pwrite64') return { kind: 'write', path, offset: Number(/(\d+)$/.exec(rest)?.[1]), bytes };
  const offset = positions.get(descriptor) ?? 0;
  positions.set(descriptor, offset + bytes.length);
  return { kind: 'write', path, offset, bytes };
}
