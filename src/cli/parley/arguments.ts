import { homedir } from 'node:os';
import { join } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { isTxnId } from '../../protocol/ids.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { TxnId } from '../../protocol/ids.ts';

/** How `parley` reads what is typed. Each of these throws what Commander reports as wrong usage. */

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION_MS_MAX = 24 * 3_600_000;

/** `30s`, `500ms`, `2m`, `1h`; a plain number is seconds. @returns milliseconds */
export function parseDuration(text: string): number {
  const ms = millisecondsIn(/^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text));
  if (!(ms > 0 && ms <= DURATION_MS_MAX)) throw new InvalidArgumentError('A time looks like 30s, 500ms or 2m.');
  return ms;
}

/** How long something lives: `30s`, `2h`, `7d`. @returns milliseconds */
export function parseLifetime(text: string): number {
  const ms = millisecondsIn(/^(\d+(?:\.\d+)?)(s|m|h|d)$/.exec(text));
  if (!(ms >= LIMITS.messageTtlMsMin && ms <= LIMITS.messageTtlMsMax)) {
    throw new InvalidArgumentError('A time looks like 30s, 2h or 7d, and is a year at most.');
  }
  return ms;
}

function millisecondsIn(match: RegExpExecArray | null): number {
  const [, digits, unit = 's'] = match ?? [];
  return Math.round(Number(digits) * UNIT_MS[unit]!);
}

/** A time with a default, which the help shows as it is typed. */
export function durationOption(flags: string, description: string, preset: string): Option {
  return new Option(flags, `${description}: 500ms, 30s, 2m; a plain number is seconds`)
    .default(parseDuration(preset), preset)
    .argParser(parseDuration);
}

export function parseSeq(text: string): number {
  const seq = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seq)) throw new InvalidArgumentError('A whole number from 0 on.');
  return seq;
}

/** The place of a message in its room. */
export function parsePlace(text: string): number {
  const seq = parseSeq(text);
  if (seq === 0) throw new InvalidArgumentError('The number of a message: a whole number from 1 on.');
  return seq;
}

export function parseCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(count) || count === 0) throw new InvalidArgumentError('A whole number from 1 on.');
  return count;
}

export function parseTxn(text: string): TxnId {
  const txnId = text.toUpperCase();
  if (!isTxnId(txnId)) throw new InvalidArgumentError('A ULID: 26 characters, the time first.');
  return txnId;
}

/** `$PARLEY_HOME`, then `$XDG_DATA_HOME/parley`, then `~/.local/share/parley`. */
export function defaultHome(env: Readonly<Record<string, string | undefined>>): string {
  return env['PARLEY_HOME'] || join(env['XDG_DATA_HOME'] || join(homedir(), '.local', 'share'), 'parley');
}
