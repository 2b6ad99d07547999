/** What the MLS engine does on one core, without any cluster. */
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuMs } from './cpu-time.ts';
import { MlsBenchGroup } from './mls-group.ts';
import { percentile } from '../scripts/chaos/percentiles.ts';
import { formatTable } from '../src/cli/table.ts';
import { GroupRecords } from '../src/crypto/mls/member/group-records.ts';
import { noblePrimitives } from '../src/crypto/mls/member/primitives.ts';
import { HYBRID_SUITE } from '../src/crypto/mls/cipher-suite.ts';
import { readMlsMessage } from '../src/crypto/mls/mls-message.ts';
import { decode } from '../src/crypto/mls/tls-reader.ts';
import { nodePrimitives } from '../src/crypto/node-mls-primitives.ts';
import type { RecordChanges } from '../src/crypto/mls/tree-records.ts';
import type { MlsPrimitives } from '../src/crypto/mls/member/primitives.ts';

const TEXT = new Uint8Array(256).fill(65);
const MESSAGES = 4_000;
const MESSAGES_PER_SAVE = 64;
/** Text, group context and the rest. */
const SIGNED_BYTES = 512;
const SUITE = 3;
const SIZES = [2, 10, 100, 500, 2_000];
/** ML-KEM in JavaScript takes milliseconds. */
const HYBRID_SIZES = [2, 10, 100];
const COMMITS = 9;
const STAMP = { nowSeconds: null, rules: 1 };

export interface MessageRates {
  readonly primitives: string;
  readonly isSaved: boolean;
  readonly encryptedPerSecond: number;
  readonly decryptedPerSecond: number;
}

export interface CommitCosts {
  readonly suite: 'classic' | 'hybrid';
  readonly devices: number;
  readonly shape: 'fresh' | 'settled';
  /** An update of the committer: medians in ms, bytes on the wire. */
  readonly commitMs: number;
  readonly commitBytes: number;
  readonly processMs: number;
  readonly observeMs: number;
  /** Records that the observer writes for it. */
  readonly observerRecords: number;
  /** One more device. */
  readonly addMs: number;
  readonly welcomeBytes: number;
  readonly groupInfoBytes: number;
  readonly treeBytes: number;
  readonly joinMs: number;
}

/** What no program on this machine gets below: a message is signed once, and verified once by each who reads it. */
export interface SignatureRates {
  readonly signedPerSecond: number;
  readonly verifiedPerSecond: number;
}

export interface MlsMeasurement {
  readonly signatures: SignatureRates;
  readonly messages: readonly MessageRates[];
  readonly commits: readonly CommitCosts[];
}

/**
 * Messages of 256 bytes in a group of two; handshakes in groups of up to `devicesMax`. All times are processor time of
 * this process, so that other load does not count; waiting for the disk does not either. Takes about a minute.
 */
export function measureMls(devicesMax: number, say: (line: string) => void): MlsMeasurement {
  const signatures = measureSignatures();
  const messages = [
    measureMessages('node', nodePrimitives, false),
    measureMessages('node', nodePrimitives, true),
    measureMessages('noble', noblePrimitives, false, MESSAGES / 10),
  ];
  const commits: CommitCosts[] = [];
  for (const [suite, id, sizes] of [
    ['classic', SUITE, SIZES],
    ['hybrid', HYBRID_SUITE, HYBRID_SIZES],
  ] as const) {
    for (const devices of sizes.filter((size) => size <= devicesMax)) {
      say(`groups of ${devices} devices, ${suite} …`);
      const group = new MlsBenchGroup(id, devices);
      commits.push({ suite, shape: 'fresh', ...measureCommits(group) });
      group.settle();
      commits.push({ suite, shape: 'settled', ...measureCommits(group) });
    }
  }
  return { signatures, messages, commits };
}

function measureMessages(
  primitives: string,
  of: MlsPrimitives,
  isSaved: boolean,
  count: number = MESSAGES,
): MessageRates {
  const [sender, receiver] = MlsBenchGroup.pair(SUITE, of);
  const disk = isSaved ? new ScratchFile() : null;
  const senderRecords = new GroupRecords();
  const receiverRecords = new GroupRecords();
  try {
    const sent: Uint8Array[] = [];
    const encryptedAt = cpuMs();
    for (let i = 0; i < count; i++) {
      if (i % MESSAGES_PER_SAVE === 0) {
        const { changes, confirm } = senderRecords.save(sender, { application: MESSAGES_PER_SAVE });
        disk?.write(changes);
        confirm();
      }
      sent.push(sender.encrypt(TEXT));
    }
    const encryptMs = cpuMs() - encryptedAt;
    const decryptedAt = cpuMs();
    for (const [i, bytes] of sent.entries()) {
      receiver.process(decode(readMlsMessage, bytes), STAMP);
      if (disk !== null && i % MESSAGES_PER_SAVE === 0) disk.write(receiverRecords.save(receiver).changes);
    }
    const decryptMs = cpuMs() - decryptedAt;
    const perSecond = (ms: number): number => Math.round((count * 1_000) / ms);
    return { primitives, isSaved, encryptedPerSecond: perSecond(encryptMs), decryptedPerSecond: perSecond(decryptMs) };
  } finally {
    disk?.close();
  }
}

/** Ed25519 by OpenSSL alone, on as many bytes as a message has to be signed over. */
function measureSignatures(): SignatureRates {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const message = Buffer.alloc(SIGNED_BYTES);
  const signature = sign(null, message, privateKey);
  const perSecond = (act: () => unknown): number => {
    for (let i = 0; i < MESSAGES / 10; i++) act();
    const before = cpuMs();
    for (let i = 0; i < MESSAGES; i++) act();
    return Math.round((MESSAGES * 1_000) / (cpuMs() - before));
  };
  return {
    signedPerSecond: perSecond(() => sign(null, message, privateKey)),
    verifiedPerSecond: perSecond(() => verify(null, message, publicKey, signature)),
  };
}

/** Appends what a store would write, and waits for the disk. */
class ScratchFile {
  readonly #folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  readonly #file = openSync(join(this.#folder, 'records'), 'a');

  write(changes: RecordChanges): void {
    for (const [key, value] of changes) {
      writeSync(this.#file, key);
      if (value !== null) writeSync(this.#file, value);
    }
    fdatasyncSync(this.#file);
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

function measureCommits(group: MlsBenchGroup): Omit<CommitCosts, 'suite' | 'shape'> {
  const median = (values: readonly number[]): number =>
    percentile(
      values.toSorted((a, b) => a - b),
      0.5,
    );
  const updates = Array.from({ length: COMMITS }, () => group.update());
  const adds = Array.from({ length: 3 }, () => group.addAndRemove());
  return {
    devices: group.devices,
    commitMs: median(updates.map(({ commitMs }) => commitMs)),
    commitBytes: median(updates.map(({ commitBytes }) => commitBytes)),
    processMs: median(updates.map(({ processMs }) => processMs)),
    observeMs: median(updates.map(({ observeMs }) => observeMs)),
    observerRecords: median(updates.map(({ observerRecords }) => observerRecords)),
    addMs: median(adds.map(({ addMs }) => addMs)),
    welcomeBytes: median(adds.map(({ welcomeBytes }) => welcomeBytes)),
    groupInfoBytes: median(adds.map(({ groupInfoBytes }) => groupInfoBytes)),
    treeBytes: group.treeBytes,
    joinMs: median(adds.map(({ joinMs }) => joinMs)),
  };
}

export function renderMls({ signatures, messages, commits }: MlsMeasurement): string {
  const { signedPerSecond, verifiedPerSecond } = signatures;
  const rates = messages.map(({ primitives, isSaved, encryptedPerSecond, decryptedPerSecond }) => [
    primitives,
    isSaved ? `every ${MESSAGES_PER_SAVE}, on disk` : 'no',
    String(encryptedPerSecond),
    String(decryptedPerSecond),
    (signedPerSecond / encryptedPerSecond).toFixed(1),
    (verifiedPerSecond / decryptedPerSecond).toFixed(1),
  ]);
  const costs = commits.map((row) => [
    row.suite,
    String(row.devices),
    row.shape,
    ...[row.commitMs, row.processMs, row.observeMs].map((ms) => ms.toFixed(1)),
    ...[row.commitBytes, row.observerRecords].map(String),
    ...[row.addMs, row.joinMs].map((ms) => ms.toFixed(1)),
    ...[row.welcomeBytes, row.groupInfoBytes, row.treeBytes].map(String),
  ]);
  const head = [
    'suite',
    'devices',
    'tree',
    'commit ms',
    'process ms',
    'observe ms',
    'commit bytes',
    'records',
    'add ms',
    'join ms',
    'welcome bytes',
    'group info bytes',
    'tree bytes',
  ];
  return [
    `OpenSSL alone signs ${signedPerSecond} and verifies ${verifiedPerSecond} times per second.`,
    formatTable(
      ['primitives', 'state saved', 'encrypted/s', 'decrypted/s', '× signing', '× verifying'],
      rates,
      [2, 3, 4, 5],
    ),
    '',
    formatTable(head, costs, [1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
  ].join('\n');
}
