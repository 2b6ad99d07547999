import { exec } from 'node:child_process';
import { promisify } from 'node:util';
import { resolve } from 'node:path';
import { ParleyError } from '../../protocol/errors.ts';
import { messageOf } from '../store/damage.ts';
import { readIfPresent, replaceFile } from '../store/files.ts';
import { hasKeyFile } from './key-file.ts';
import { WrappingKey } from './wrapping-key.ts';

/** Where a node gets its wrapping key: 64 hex digits from any of them. */
export type WrappingKeySource =
  /** Made beside the data directory where the operator named no other place. */
  | { readonly kind: 'beside' }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'environment'; readonly text: string }
  /** A command line whose standard output it is: how key services are asked. */
  | { readonly kind: 'command'; readonly command: string };

const COMMAND_MS_MAX = 30_000;
const COMMAND_BYTES_MAX = 4_096;

/** `DIR.key` beside `DIR`. */
export const besidePath = (dir: string): string => `${resolve(dir)}.key`;

/**
 * The wrapping key of a data directory. Only beside a directory that holds no data keys yet is one made.
 *
 * @throws ParleyError `usage` with one sentence, which never holds the key
 */
export async function obtainWrappingKey(source: WrappingKeySource, dir: string): Promise<WrappingKey> {
  switch (source.kind) {
    case 'environment':
      return WrappingKey.parse(source.text, 'in the environment');
    case 'command':
      return WrappingKey.parse(await outputOf(source.command), 'that the wrapping key command printed');
    case 'file': {
      const text = await textOf(source.path);
      if (text === undefined) throw new ParleyError('usage', `There is no wrapping key file ${source.path}.`);
      return WrappingKey.parse(text, `in ${source.path}`);
    }
    case 'beside':
      break;
  }
  return besideKey(dir);
}

async function besideKey(dir: string): Promise<WrappingKey> {
  const path = besidePath(dir);
  const text = await textOf(path);
  if (text !== undefined) return WrappingKey.parse(text, `in ${path}`);
  if (await hasKeyFile(dir)) {
    throw new ParleyError(
      'usage',
      `The wrapping key of ${dir} is missing: put ${path} back, or say where it is. Without it nothing in ${dir} ` +
        'can be read. Nothing was changed.',
    );
  }
  const made = WrappingKey.generateText();
  try {
    await replaceFile(path, made);
  } catch (cause) {
    throw new ParleyError(
      'usage',
      `A wrapping key cannot be made in ${path} (${messageOf(cause)}): give --wrapping-key-file.`,
      { cause },
    );
  }
  return WrappingKey.parse(made, `in ${path}`);
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return (await readIfPresent(path))?.toString('utf8');
  } catch (cause) {
    throw new ParleyError('usage', `The wrapping key file ${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

async function outputOf(command: string): Promise<string> {
  try {
    const { stdout } = await promisify(exec)(command, { timeout: COMMAND_MS_MAX, maxBuffer: COMMAND_BYTES_MAX });
    return stdout;
  } catch (error) {
    const { code, signal, stderr } = error as { code?: number | string; signal?: string | null; stderr?: string };
    const said = stderr?.trim().split('\n').at(-1) ?? '';
    const why = typeof signal === 'string' ? `was ended by ${signal}` : `failed with ${code}`;
    throw new ParleyError('usage', `The wrapping key command ${why}${said === '' ? '.' : `: ${said}`}`);
  }
}
