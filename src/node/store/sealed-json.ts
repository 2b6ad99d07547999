import { hash } from 'node:crypto';
import { damaged } from './damage.ts';
import { readIfPresent, replaceFile } from './files.ts';
import type { DamagedPart } from './node-store.ts';

/**
 * Small files that people may want to read: one line of JSON, then one line with its SHA-256. A file that does not
 * match its own digest is damage, whatever it says.
 */
export function encodeSealedJson(value: unknown): string {
  const json = JSON.stringify(value);
  return `${json}\nsha256 ${hash('sha256', json, 'hex')}\n`;
}

/** The value, or undefined when the text is not what `encodeSealedJson` made. */
export function decodeSealedJson(text: string): unknown {
  const end = text.indexOf('\n');
  if (end < 0) return undefined;
  const json = text.slice(0, end);
  if (text.slice(end + 1) !== `sha256 ${hash('sha256', json, 'hex')}\n`) return undefined;
  return JSON.parse(json);
}

export async function writeSealedJson(path: string, value: unknown): Promise<void> {
  await replaceFile(path, encodeSealedJson(value));
}

/**
 * @returns undefined when there is no such file
 * @throws ParleyError `damaged` when it does not match its digest
 */
export async function readSealedJson(path: string, part: DamagedPart, where: string): Promise<unknown> {
  const bytes = await readIfPresent(path);
  if (bytes === undefined) return undefined;
  const value = decodeSealedJson(bytes.toString('utf8'));
  if (value === undefined) throw damaged(part, where, 'its checksum does not match');
  return value;
}
