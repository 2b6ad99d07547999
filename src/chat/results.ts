import { ParleyError } from '../protocol/errors.ts';
import type { CommandKind, CommandOf, CommandResult, CommandValues } from '../protocol/commands.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { Work } from './work.ts';

/** Checks everything, then writes; a rejection is a value, so that every replica decides the same. */
export type Handler<K extends CommandKind> = (work: Work, command: CommandOf<K>) => CommandResult<K>;

export type Rejection = Extract<CommandResult, { readonly ok: false }>;

export function accept<K extends CommandKind>(value: CommandValues[K]): CommandResult<K> {
  return { ok: true, value };
}

export function reject(code: ErrorCode, detail?: string, data?: Readonly<Record<string, unknown>>): Rejection {
  return {
    ok: false,
    code,
    ...(detail === undefined ? {} : { detail }),
    ...(data === undefined ? {} : { data }),
  };
}

/** Runs what throws operating errors for bad input, and turns those into rejections. */
export function attempt<T>(run: () => T): { readonly ok: true; readonly value: T } | Rejection {
  try {
    return { ok: true, value: run() };
  } catch (error) {
    if (error instanceof ParleyError) return reject(error.code, error.message);
    throw error;
  }
}
