import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { MessageType } from './message.ts';
import { ignore } from './roles/handler.ts';
import { BY_ROLE } from './step.ts';
import { RaftRole } from './types.ts';

/** What docs/RAFT.md says of the code is read here, so that it stays true. */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(`${ROOT}${file}`, 'utf8');
const doc = read('docs/RAFT.md');

/** The rows of all tables, each a list of cells. */
const rows = doc
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.slice(2, -2).split(' | '));

const cellOf = (role: RaftRole, type: MessageType): string => {
  const handler = BY_ROLE[role][type];
  return handler === ignore ? '–' : `\`${handler.name}\``;
};

describe('docs/RAFT.md', () => {
  it('has the table of roles and messages that the code has', () => {
    const { follower, preCandidate, candidate, leader } = RaftRole;
    const roles = [follower, preCandidate, candidate, leader];
    const inCode = Object.values(MessageType).map((type) => [type, ...roles.map((role) => cellOf(role, type))]);
    expect(rows.filter(([first]) => first?.startsWith('Msg'))).toEqual(inCode);
  });

  it('ties each invariant to code that upholds it and to a test that exercises it', () => {
    const invariants = rows.filter(([first]) => /^\d+$/.test(first!));
    expect(invariants.map(([number]) => Number(number))).toEqual(invariants.map((_, place) => place + 1));
    expect(invariants.length).toBeGreaterThan(20);
    const place = /^`([^`]+)` “(.+)”$/;
    for (const [number, , upheld, exercised] of invariants) {
      const [, code, quoted] = place.exec(upheld!)!;
      expect(read(code!), `invariant ${number}`).toContain(quoted);
      const [, test, title] = place.exec(exercised!)!;
      expect(test).toMatch(/\.test\.ts$/);
      expect(read(test!), `invariant ${number}`).toMatch(new RegExp(`(it|describe)\\(\\s*['"\`]${escaped(title!)}`));
    }
  });

  it('names only files and folders that exist', () => {
    const named = [...doc.matchAll(/`((?:src|docs|scripts)\/[\w./-]+)`/g)].map(([, file]) => file!);
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter((file) => !existsSync(`${ROOT}${file}`))).toEqual([]);
  });
});

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
