import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { recoveryCodeOf } from '../../crypto/vault-recovery-code.ts';
import { confirmRecoveryCode, knownPassword, knownRecoveryCode, newPassword } from './secrets.ts';
import type { Terminal } from './terminal.ts';

/** A person who types these lines, or nobody. */
function terminal(typed: readonly string[] | null): Terminal & { readonly notes: string[]; readonly asked: string[] } {
  const left = [...(typed ?? [])];
  const [notes, asked]: [string[], string[]] = [[], []];
  const answer = (question: string): Promise<string> => {
    asked.push(question);
    const line = left.shift();
    return line === undefined ? Promise.reject(new Error('Nothing more is typed.')) : Promise.resolve(line);
  };
  return {
    ...{ json: false, signal: new AbortController().signal, isInteractive: typed !== null, notes, asked },
    ...{ ask: answer, askSecret: answer, result: () => {}, note: (text) => void notes.push(text) },
    standardInput: () => Promise.reject(new Error('not read')),
  };
}

const folder = mkdtempSync(join(tmpdir(), 'parley-secrets-'));
const file = join(folder, 'password');
writeFileSync(file, 'from a file\nand no more\n');
afterEach(() => vi.unstubAllEnvs());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('secrets', () => {
  it('come from a file, else the environment, else the person; from nobody where there is none', async () => {
    vi.stubEnv('PARLEY_PASSWORD', 'from the environment');
    vi.stubEnv('PARLEY_RECOVERY_CODE', 'a code');
    const person = terminal(['typed', 'typed', 'typed']);
    expect(await knownPassword(person, { passwordFile: file })).toBe('from a file');
    expect(await knownPassword(person, {})).toBe('from the environment');
    expect(await newPassword(person, {}, { canBeNone: true })).toBe('from the environment');
    expect(await knownRecoveryCode(person, {})).toBe('a code');
    expect(person.asked).toEqual([]);
    vi.unstubAllEnvs();
    expect(await knownPassword(person, {})).toBe('typed');
    expect(await newPassword(person, {}, { canBeNone: true })).toBe('typed');
    const nobody = terminal(null);
    expect(await knownPassword(nobody, {})).toBeNull();
    expect(await newPassword(nobody, {}, { canBeNone: false })).toBeNull();
    expect(await knownRecoveryCode(nobody, {})).toBeNull();
    await expect(knownPassword(nobody, { passwordFile: join(folder, 'none') })).rejects.toMatchObject({
      code: 'usage',
    });
  });

  it('are asked for twice when they are new, and may be none where that is offered', async () => {
    const unsure = terminal(['one', 'another', 'one', 'one']);
    expect(await newPassword(unsure, {}, { canBeNone: true })).toBe('one');
    expect(unsure.notes).toEqual(['these are not the same']);
    expect(await newPassword(terminal(['']), {}, { canBeNone: true })).toBeNull();
    const never = terminal(['1', '2', '1', '2', '1', '2']);
    await expect(newPassword(never, {}, { canBeNone: true })).rejects.toMatchObject({ code: 'usage' });
  });

  it('confirm a recovery code by its last group, in whatever case', async () => {
    const code = recoveryCodeOf(new Uint8Array(32).fill(3));
    const last = code.slice(-4);
    const right = terminal(['wrong', ` ${last.toLowerCase()}`]);
    await confirmRecoveryCode(right, code);
    expect([right.asked.length, right.notes]).toEqual([2, []]);
    const wrong = terminal(['1', '2', '3']);
    await confirmRecoveryCode(wrong, code);
    expect(wrong.notes).toEqual([expect.stringContaining('recovery show')]);
    await confirmRecoveryCode(terminal(null), code);
  });
});
