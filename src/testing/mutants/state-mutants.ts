import type { Mutant } from './mutant.ts';

const MACHINE = 'src/node/chat-machine.ts';

/** What comes of committed entries. */
export const STATE_MUTANTS: readonly Mutant[] = [
  {
    name: 'duplicate-on-retry',
    what: 'A message that is sent again gets another number.',
    machine: 'chat',
    edits: [
      {
        file: 'src/chat/dedupe.ts',
        find: 'if (bytes === undefined) return undefined;\n  const [, contentTag, seq',
        replace: 'if (bytes === undefined || bytes.length > 0) return undefined;\n  const [, contentTag, seq',
      },
    ],
    budget: { seeds: 10, seconds: 10 },
  },
  {
    name: 'apply-depends-on-local-time',
    what: 'The state depends on when a node applies an entry.',
    machine: 'chat',
    edits: [
      {
        file: MACHINE,
        find: 'stampMs: batch.stampMs, commands',
        replace:
          'stampMs: (batch.stampMs + (Math.floor(performance.now() * 1_000) % 7)) as typeof batch.stampMs, commands',
      },
    ],
    budget: { seeds: 3, seconds: 10 },
    isQuick: true,
  },
  {
    name: 'memory-outlives-the-devices',
    what: 'What is remembered of who is in a room does not mind that somebody has another device.',
    machine: 'chat',
    edits: [
      {
        file: 'src/chat/roster-memo.ts',
        find: 'entry.base !== at.base || entry.deviceEpoch !== at.deviceEpoch) return undefined;',
        replace: 'entry.base !== at.base) return undefined;',
      },
    ],
    budget: { seeds: 300, seconds: 10 },
  },
  {
    name: 'stamps-go-back',
    what: 'A new leader stamps entries with a time before that of its predecessor.',
    edits: [
      {
        file: 'src/node/raft/applier.ts',
        find: 'const stampMs = Math.max(stampedMs, state.lastStampMs) as StampMs;',
        replace: 'const stampMs = stampedMs;',
      },
    ],
    budget: { seeds: 60, seconds: 10 },
  },
];
