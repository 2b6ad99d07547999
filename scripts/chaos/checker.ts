import type { Call, FinalMessage, HistoryRecord } from './history.ts';

/** What may never happen; each counts separately in the score line. */
export const VIOLATION_KINDS = ['lost', 'dup', 'order', 'altered', 'gap', 'stale', 'deposed'] as const;
export type ViolationKind = (typeof VIOLATION_KINDS)[number];

export interface Violation {
  readonly kind: ViolationKind;
  /** One sentence for a person who looks for the bug. */
  readonly what: string;
}

export interface Verdict {
  readonly violations: readonly Violation[];
  readonly counts: Readonly<Record<ViolationKind, number>>;
  readonly ok: number;
  readonly fail: number;
  readonly info: number;
}

interface Operation {
  readonly op: number;
  readonly call: Call;
  readonly invokedAt: number;
  /** What may stand for it in its room. */
  readonly bodies: Set<string>;
  outcome:
    | { readonly kind: 'ok'; readonly at: number; readonly seq: number; readonly node: string }
    | { readonly kind: 'fail' | 'info' }
    | null;
}

type Report = (kind: ViolationKind, what: string) => void;

/**
 * Judges a history. Knows nothing of how it came about: only invocations, acknowledgements, deliveries and what
 * every node shows in the end.
 */
export function checkHistory(history: readonly HistoryRecord[]): Verdict {
  const violations: Violation[] = [];
  const report: Report = (kind, what) => violations.push({ kind, what });
  const operations = collectOperations(history);
  const finals = history.filter((record) => record.type === 'final');

  for (const final of finals) checkFinalRoom(final.node, final.room, final.messages, report);
  checkNodesAgree(finals, report);
  checkAgainstSends(operations, finals, report);
  checkAcknowledgements(operations, finals, report);
  checkRealTimeOrder(operations, report);
  checkReads(operations, report);
  checkFeeds(history, finals, report);
  checkStateHashes(history, report);
  checkDeposed(history, operations, report);

  const counts = Object.fromEntries(
    VIOLATION_KINDS.map((kind) => [kind, violations.filter((violation) => violation.kind === kind).length]),
  ) as Record<ViolationKind, number>;
  const outcome = (kind: 'ok' | 'fail' | 'info'): number =>
    operations.filter((operation) => (operation.outcome?.kind ?? 'info') === kind).length;
  return { violations, counts, ok: outcome('ok'), fail: outcome('fail'), info: outcome('info') };
}

function collectOperations(history: readonly HistoryRecord[]): Operation[] {
  const byOp = new Map<number, Operation>();
  for (const record of history) {
    if (record.type === 'invoke') {
      const { op, call, t } = record;
      const bodies = new Set(call.kind === 'send' && call.body !== null ? [call.body] : []);
      byOp.set(op, { op, call, invokedAt: t, bodies, outcome: null });
    } else if (record.type === 'sealed') {
      byOp.get(record.op)?.bodies.add(record.body);
    } else if (record.type === 'ok') {
      const operation = byOp.get(record.op);
      if (operation !== undefined) {
        operation.outcome = { kind: 'ok', at: record.t, seq: record.seq, node: record.node };
      }
    } else if (record.type === 'fail' || record.type === 'info') {
      const operation = byOp.get(record.op);
      if (operation !== undefined) operation.outcome = { kind: record.type };
    }
  }
  return [...byOp.values()];
}

/** Gap-free from 1, and each transaction once. */
function checkFinalRoom(node: string, room: string, messages: readonly FinalMessage[], report: Report): void {
  const seqOfTxn = new Map<string, number>();
  for (const [position, message] of messages.entries()) {
    if (message.seq !== position + 1) {
      report('gap', `${node} shows seq ${message.seq} of ${room} where ${position + 1} should be`);
      break;
    }
  }
  for (const { txnId, seq } of messages) {
    const first = seqOfTxn.get(txnId);
    if (first !== undefined) report('dup', `${node} shows ${txnId} of ${room} at seq ${first} and ${seq}`);
    else seqOfTxn.set(txnId, seq);
  }
}

type Final = Extract<HistoryRecord, { type: 'final' }>;

function checkNodesAgree(finals: readonly Final[], report: Report): void {
  const first = new Map<string, Final>();
  for (const final of finals) {
    const reference = first.get(final.room);
    if (reference === undefined) {
      first.set(final.room, final);
      continue;
    }
    if (reference.messages.length !== final.messages.length) {
      report(
        'lost',
        `${final.room} has ${reference.messages.length} messages on ${reference.node}, ${final.messages.length} on ${final.node}`,
      );
    }
    const other = new Map(final.messages.map((message) => [message.seq, message]));
    for (const message of reference.messages) {
      const twin = other.get(message.seq);
      if (twin !== undefined && (twin.txnId !== message.txnId || twin.body !== message.body)) {
        report('altered', `seq ${message.seq} of ${final.room} differs between ${reference.node} and ${final.node}`);
      }
    }
  }
}

/** Everything shown was sent, and is what was sent. */
function checkAgainstSends(operations: readonly Operation[], finals: readonly Final[], report: Report): void {
  const sent = new Map<string, ReadonlySet<string>>();
  for (const { call, bodies } of operations) {
    if (call.kind === 'send') sent.set(`${call.room} ${call.txnId}`, bodies);
  }
  for (const final of finals) {
    for (const message of final.messages) {
      const bodies = sent.get(`${final.room} ${message.txnId}`);
      if (bodies === undefined)
        report('altered', `${final.node} shows ${message.txnId} in ${final.room}: nobody sent it`);
      else if (!bodies.has(message.body)) report('altered', `${final.node} shows another body for ${message.txnId}`);
    }
  }
}

/** Every acknowledged send is on every node, where the acknowledgement said. */
function checkAcknowledgements(operations: readonly Operation[], finals: readonly Final[], report: Report): void {
  const shown = finals.map((final) => ({
    ...final,
    seqs: new Map(final.messages.map((message) => [message.txnId, message.seq])),
  }));
  const acknowledged = new Map<string, number>();
  for (const { call, outcome } of operations) {
    if (call.kind !== 'send' || outcome?.kind !== 'ok') continue;
    const before = acknowledged.get(call.txnId);
    if (before !== undefined && before !== outcome.seq) {
      report('dup', `${call.txnId} was acknowledged as seq ${before} and as ${outcome.seq}`);
    }
    acknowledged.set(call.txnId, outcome.seq);
    for (const final of shown) {
      if (final.room !== call.room) continue;
      const seq = final.seqs.get(call.txnId);
      if (seq === undefined)
        report('lost', `${call.txnId}, acknowledged as seq ${outcome.seq}, is not on ${final.node}`);
      else if (seq !== outcome.seq) {
        report('order', `${call.txnId}, acknowledged as seq ${outcome.seq}, is seq ${seq} on ${final.node}`);
      }
    }
  }
}

/** If a was acknowledged before b was asked for, a comes before b. */
function checkRealTimeOrder(operations: readonly Operation[], report: Report): void {
  const rooms = new Map<string, { invokedAt: number; at: number; seq: number; txnId: string }[]>();
  for (const { call, invokedAt, outcome } of operations) {
    if (call.kind !== 'send' || outcome?.kind !== 'ok') continue;
    const list = rooms.get(call.room) ?? [];
    list.push({ invokedAt, at: outcome.at, seq: outcome.seq, txnId: call.txnId });
    rooms.set(call.room, list);
  }
  for (const list of rooms.values()) {
    const byInvocation = list.toSorted((a, b) => a.invokedAt - b.invokedAt);
    const byAcknowledgement = list.toSorted((a, b) => a.at - b.at);
    let acknowledged = 0;
    let highest: (typeof list)[number] | null = null;
    for (const send of byInvocation) {
      for (; acknowledged < byAcknowledgement.length; acknowledged++) {
        const earlier = byAcknowledgement[acknowledged]!;
        if (earlier.at >= send.invokedAt) break;
        if (highest === null || earlier.seq > highest.seq) highest = earlier;
      }
      if (highest !== null && highest.seq >= send.seq && highest.txnId !== send.txnId) {
        report(
          'order',
          `${send.txnId} got seq ${send.seq} though seq ${highest.seq} was acknowledged before it was sent`,
        );
      }
    }
  }
}

/** A linearizable read shows at least what was acknowledged before it was asked for. */
function checkReads(operations: readonly Operation[], report: Report): void {
  const done = operations.flatMap(({ call, invokedAt, outcome }) =>
    outcome?.kind === 'ok' ? [{ call, invokedAt, at: outcome.at, seq: outcome.seq }] : [],
  );
  const sends = done.filter(({ call }) => call.kind === 'send').toSorted((a, b) => a.at - b.at);
  const reads = done.filter(({ call }) => call.kind === 'read').toSorted((a, b) => a.invokedAt - b.invokedAt);
  const newest = new Map<string, number>();
  let acknowledged = 0;
  for (const read of reads) {
    for (; acknowledged < sends.length && sends[acknowledged]!.at < read.invokedAt; acknowledged++) {
      const { call, seq } = sends[acknowledged]!;
      newest.set(call.room, Math.max(newest.get(call.room) ?? 0, seq));
    }
    const { room } = read.call;
    const known = newest.get(room) ?? 0;
    if (read.seq < known) report('stale', `a read of ${room} showed seq ${read.seq} after ${known} was acknowledged`);
  }
}

/** Each feed shows each room's messages one by one, whatever node it hangs on, and what it shows is what stands. */
function checkFeeds(history: readonly HistoryRecord[], finals: readonly Final[], report: Report): void {
  const stands = new Map<string, FinalMessage>();
  for (const final of finals) for (const one of final.messages) stands.set(`${final.room} ${one.seq}`, one);
  const last = new Map<string, number>();
  for (const record of history) {
    if (record.type !== 'delivered') continue;
    const key = `${record.feed} ${record.room}`;
    const before = last.get(key);
    if (before !== undefined && record.seq <= before) {
      report('dup', `feed ${record.feed} got seq ${record.seq} of ${record.room} after ${before}`);
      continue;
    }
    if (before !== undefined && record.seq !== before + 1) {
      report('gap', `feed ${record.feed} got seq ${record.seq} of ${record.room} after ${before}`);
    }
    last.set(key, record.seq);
    const standing = stands.get(`${record.room} ${record.seq}`);
    const isSame = standing?.txnId === record.txnId && (record.body === null || standing.body === record.body);
    if (finals.length > 0 && !isSame) {
      report('altered', `feed ${record.feed} got another seq ${record.seq} of ${record.room} than stands in the end`);
    }
  }
}

/** From when another leads until it is back among the others, a node acknowledges nothing that it is asked for. */
function checkDeposed(history: readonly HistoryRecord[], operations: readonly Operation[], report: Report): void {
  for (const [at, deposed] of history.entries()) {
    if (deposed.type !== 'deposed') continue;
    const mended = history.slice(at).find((record) => record.type === 'mended' && record.node === deposed.node);
    const until = mended?.type === 'mended' ? mended.t : Number.POSITIVE_INFINITY;
    for (const { op, call, invokedAt, outcome } of operations) {
      if (outcome?.kind !== 'ok' || outcome.node !== deposed.node) continue;
      if (invokedAt <= deposed.t || outcome.at >= until) continue;
      report('deposed', `${deposed.node} answered ${call.kind} ${op} though another node led and it was cut off`);
    }
  }
}

function checkStateHashes(history: readonly HistoryRecord[], report: Report): void {
  const hashes = new Map<number, { node: string; hash: string }>();
  for (const record of history) {
    if (record.type !== 'state-hash') continue;
    const first = hashes.get(record.index);
    if (first === undefined) hashes.set(record.index, record);
    else if (first.hash !== record.hash) {
      report('altered', `state hashes of ${first.node} and ${record.node} differ at index ${record.index}`);
    }
  }
}
