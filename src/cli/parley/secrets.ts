import { readFileSync } from 'node:fs';
import { ParleyError } from '../../protocol/errors.ts';
import type { Terminal } from './terminal.ts';

/** Where passwords and recovery codes come from: a file, the environment, or the person, in this order. */

export interface SecretOptions {
  readonly passwordFile?: string;
  readonly recoveryCodeFile?: string;
}

const TRIES_MAX = 3;

/**
 * The password of an account that exists.
 * @returns null where none is given, and nobody can be asked, or whoever is asked gives none
 */
export async function knownPassword(terminal: Terminal, options: SecretOptions): Promise<string | null> {
  const given = fromFile(options.passwordFile) ?? fromEnvironment('PARLEY_PASSWORD');
  if (given !== null || !terminal.isInteractive) return given;
  return orNull(await terminal.askSecret('Password (Enter: approve this device on another one): '));
}

/**
 * A password for an account, asked for twice.
 * @param canBeNone whether whoever is asked may give none
 * @returns null as above
 * @throws ParleyError `usage` when the two never are the same
 */
export async function newPassword(
  terminal: Terminal,
  options: SecretOptions,
  { canBeNone }: { readonly canBeNone: boolean },
): Promise<string | null> {
  const given = fromFile(options.passwordFile) ?? fromEnvironment('PARLEY_PASSWORD');
  if (given !== null || !terminal.isInteractive) return given;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const first = await terminal.askSecret(`New password${canBeNone ? ' (Enter for none)' : ''}: `);
    if (first === '' && canBeNone) return null;
    if ((await terminal.askSecret('The same again: ')) === first) return first;
    terminal.note('these are not the same');
  }
  throw new ParleyError('usage', 'No password was given twice.');
}

/** @returns null as above */
export async function knownRecoveryCode(terminal: Terminal, options: SecretOptions): Promise<string | null> {
  const given = fromFile(options.recoveryCodeFile) ?? fromEnvironment('PARLEY_RECOVERY_CODE');
  if (given !== null || !terminal.isInteractive) return given;
  return orNull(await terminal.ask('Recovery code: '));
}

/** Whether the person has it on paper: the last group is asked for. */
export async function confirmRecoveryCode(terminal: Terminal, code: string): Promise<void> {
  if (!terminal.isInteractive) return;
  const last = code.split('-').at(-1)!;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const typed = await terminal.ask('Write it down, then type its last four characters: ');
    const plain = typed.trim().toUpperCase().replaceAll(/[IL]/g, '1').replaceAll('O', '0');
    if (plain === last) return;
  }
  terminal.note('not confirmed; “parley recovery show” shows it again on this device');
}

const orNull = (text: string): string | null => (text === '' ? null : text);

function fromEnvironment(name: string): string | null {
  return orNull(process.env[name] ?? '');
}

/** The first line of it. @throws ParleyError `usage` */
function fromFile(file: string | undefined): string | null {
  if (file === undefined) return null;
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/, 1)[0]!;
  } catch (cause) {
    throw new ParleyError('usage', `${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
