import type { DiagnosisJson } from '../../../protocol/http/diagnosis.ts';

export interface Finding {
  /** A problem has to be mended; a note is worth knowing. */
  readonly severity: 'problem' | 'note';
  /** Null for the cluster as a whole. */
  readonly node: string | null;
  readonly what: string;
  /** What to do about it. */
  readonly advice: string;
}

/** What one node answered, or why it did not. */
export interface Examined {
  readonly node: string;
  readonly voter: boolean;
  readonly url: string | null;
  readonly report: DiagnosisJson | null;
  /** Why there is no report. */
  readonly failure: string | null;
  /** Its clock minus that of the machine `chatctl` runs on; off by at most half of how long the answer took. */
  readonly clockAheadMs: number;
  readonly uncertainMs: number;
}

const DAY_MS = 86_400_000;
const GIB = 1024 ** 3;
/** The log and the state need room for the next compaction. */
const FREE_BYTES_MIN = GIB;
const FREE_SHARE_LOW = 0.1;
const CLOCKS_APART_MS_MAX = 500;
const BEHIND_MAX = 1_000;
const EVENT_LOOP_LAG_MS_MAX = 200;
const CERTIFICATE_NOTE_MS = 21 * DAY_MS;

const problem = (node: string | null, what: string, advice: string): Finding => ({
  severity: 'problem',
  node,
  what,
  advice,
});
const note = (node: string | null, what: string, advice: string): Finding => ({ severity: 'note', node, what, advice });

/** Everything that is wrong with a cluster, worst first. */
export function findingsOf(all: readonly Examined[], nowMs: number): readonly Finding[] {
  const reports = all.flatMap(({ report }) => (report === null ? [] : [report]));
  const found = [
    ...quorumFindings(all),
    ...leaderFindings(reports),
    ...all.flatMap(downFindings),
    ...reports.flatMap((report) => nodeFindings(report, nowMs)),
    ...reports.flatMap((report) => contactFindings(report, reports)),
    ...clockFindings(all),
    ...agreementFindings(reports),
    ...wrappingKeyFindings(reports),
  ];
  return [
    ...found.filter(({ severity }) => severity === 'problem'),
    ...found.filter(({ severity }) => severity === 'note'),
  ];
}

function quorumFindings(all: readonly Examined[]): Finding[] {
  const voters = all.filter(({ voter }) => voter);
  const serving = voters.filter(({ report }) => report !== null && report.problem === null);
  const needed = Math.floor(voters.length / 2) + 1;
  if (serving.length < needed) {
    const missing = voters.filter((voter) => !serving.includes(voter)).map(({ node }) => node);
    const what = `${serving.length} of ${voters.length} voters serve, ${needed} are needed: nothing can be written.`;
    return [problem(null, what, `Bring back ${needed - serving.length} of ${missing.join(', ')}.`)];
  }
  if (voters.length > 1 && voters.length % 2 === 0) {
    const what = `${voters.length} voters bear no more failures than ${voters.length - 1}.`;
    return [note(null, what, 'Add a node and promote it, or remove one.')];
  }
  return [];
}

function leaderFindings(reports: readonly DiagnosisJson[]): Finding[] {
  const followed = new Set(reports.flatMap(({ leader }) => (leader === null ? [] : [leader])));
  if (reports.length > 0 && followed.size === 0) {
    const why = reports.flatMap(({ node, noLeader }) => (noLeader === null ? [] : [`${node}: ${noLeader}`]));
    const what = ['No node knows a leader.', ...why.map((reason) => `${reason}.`)].join(' ');
    return [
      problem(
        null,
        what,
        'Bring back enough nodes for a majority; if enough are up, see whether they reach each other.',
      ),
    ];
  }
  if (followed.size > 1) {
    const views = reports.map(({ node, leader, term }) => `${node} follows ${leader ?? 'nobody'} in term ${term}`);
    const advice = 'Ask again in a second. If it stays like this, nodes do not reach each other’s nats-server.';
    return [problem(null, `The nodes do not agree on a leader: ${views.join(', ')}.`, advice)];
  }
  return reports.flatMap(({ node, notCommitting }) =>
    notCommitting === null
      ? []
      : [problem(node, `It leads, but nothing is committed: ${notCommitting}.`, 'Look at the nodes it waits for.')],
  );
}

function downFindings({ node, url, failure }: Examined): Finding[] {
  if (failure === null) return [];
  const where = url === null ? 'and nobody knows its URL' : `at ${url}`;
  const advice =
    `Start it, or see its log why it ends. If its disk is lost, start it with an empty data directory and run ` +
    `chatctl member replace ${node}.`;
  return [problem(node, `It does not answer ${where} (${failure}).`, advice)];
}

function nodeFindings(report: DiagnosisJson, nowMs: number): Finding[] {
  const { node, problem: trouble, role, members, changingMembers, eventLoopLagMs } = report;
  const found: Finding[] = [];
  if (trouble !== null) found.push(problem(node, trouble, adviceFor(report)));
  if (!report.connected) {
    const advice = 'It is restarted by itself; if it stays away, see the log of chatd for what nats-server says.';
    found.push(problem(node, 'It is not connected to its nats-server.', advice));
  }
  if (eventLoopLagMs > EVENT_LOOP_LAG_MS_MAX) {
    const what = `Its process is held up: timers are ${eventLoopLagMs.toFixed(0)} ms late.`;
    found.push(note(node, what, 'Give it more processor time, or spread its clients over other nodes.'));
  }
  const isLearner = members.some(({ id, voter }) => id === node && !voter);
  if (isLearner && trouble === null) {
    found.push(note(node, 'It learns, and does not vote.', `When it has caught up: chatctl member promote ${node}.`));
  }
  if (changingMembers && role === 'leader') {
    found.push(note(null, 'A change of the members is under way.', 'Nothing, unless it stays like this.'));
  }
  return [...found, ...diskFindings(report), ...fileFindings(report, nowMs)];
}

function adviceFor({ role, node, term }: DiagnosisJson): string {
  if (role !== 'repairing') return 'See what it says; its log says more.';
  const replace = `stop it, empty its data directory, start it and run chatctl member replace ${node}.`;
  // Without a term its Raft does not run: what it lost nobody else can bring.
  if (term === 0) return `It does not mend itself. Put its disk in order, or ${replace}`;
  return `The others repair it by themselves. If it stays like this, ${replace}`;
}

function diskFindings({ node, disk }: DiagnosisJson): Finding[] {
  if (disk === null) return [];
  const { freeBytes, totalBytes } = disk;
  const what = `${(freeBytes / GIB).toFixed(1)} GiB of ${(totalBytes / GIB).toFixed(1)} GiB are free where its data is.`;
  const advice = 'Free some space or move the data to a larger disk.';
  if (freeBytes < FREE_BYTES_MIN) return [problem(node, what, advice)];
  return freeBytes < FREE_SHARE_LOW * totalBytes ? [note(node, what, advice)] : [];
}

function fileFindings({ node, files, certificateExpiresMs: expires }: DiagnosisJson, nowMs: number): Finding[] {
  const found = files.map(({ path, complaint }) => problem(node, `${path}: ${complaint}.`, `chmod 600 ${path}`));
  if (expires === null || expires > nowMs + CERTIFICATE_NOTE_MS) return found;
  const date = new Date(expires).toISOString().slice(0, 10);
  const advice = 'Renew it, then restart the node.';
  const isOver = expires <= nowMs;
  const what = isOver ? `Its certificate expired on ${date}.` : `Its certificate expires on ${date}.`;
  return [...found, isOver ? problem(node, what, advice) : note(node, what, advice)];
}

/** Of what the leader hears of nodes that answer here. */
function contactFindings({ node, members }: DiagnosisJson, reports: readonly DiagnosisJson[]): Finding[] {
  return members.flatMap(({ id, heard, behind }) => {
    if (id === node || !reports.some((other) => other.node === id)) return [];
    if (heard === false) {
      const advice = `See whether the route address of ${id} in --peers can be reached from ${node}, and the other way round.`;
      return [problem(id, `It is up, but ${node}, which leads, does not hear it.`, advice)];
    }
    if (behind === null || behind <= BEHIND_MAX) return [];
    return [note(id, `It is ${behind} entries behind ${node}.`, 'It catches up by itself; if not, see its disk.')];
  });
}

/** Leaders stamp messages with the median of the voters’ clocks. */
function clockFindings(all: readonly Examined[]): Finding[] {
  const clocks = all.filter(({ report }) => report !== null);
  if (clocks.length < 2) return [];
  const sorted = clocks.toSorted((a, b) => a.clockAheadMs - b.clockAheadMs);
  const median = sorted[Math.floor((sorted.length - 1) / 2)]!;
  return sorted.flatMap(({ node, clockAheadMs, uncertainMs }) => {
    const apartMs = clockAheadMs - median.clockAheadMs;
    if (Math.abs(apartMs) - uncertainMs - median.uncertainMs <= CLOCKS_APART_MS_MAX) return [];
    const way = apartMs > 0 ? 'ahead of' : 'behind';
    const what = `Its clock is ${(Math.abs(apartMs) / 1000).toFixed(1)} s ${way} that of ${median.node}.`;
    return [problem(node, what, 'Let NTP set the clocks of all nodes.')];
  });
}

function wrappingKeyFindings(reports: readonly DiagnosisJson[]): Finding[] {
  const nodes = reports.flatMap(({ node, wrappingKey }) => (wrappingKey === 'beside' ? [node] : []));
  if (nodes.length === 0) return [];
  const what =
    `The wrapping key lies beside the data directory (${nodes.join(', ')}): whoever takes that disk can read what is ` +
    'on it; only a disk that is thrown away without the key says nothing.';
  const advice =
    'Keep it elsewhere: --wrapping-key-file on another device, or --wrapping-key-command; see docs/DEPLOYMENT.md.';
  return [note(null, what, advice)];
}

function agreementFindings(reports: readonly DiagnosisJson[]): Finding[] {
  const by = (value: (report: DiagnosisJson) => string): string | null => {
    if (new Set(reports.map(value)).size < 2) return null;
    return reports.map((report) => `${report.node} ${value(report)}`).join(', ');
  };
  const found: Finding[] = [];
  const clusters = by(({ clusterId }) => clusterId ?? 'none');
  if (clusters !== null) {
    found.push(
      problem(
        null,
        `The nodes belong to different clusters: ${clusters}.`,
        'See which data directories were mixed up.',
      ),
    );
  }
  const reads = by((report) => report.reads);
  if (reads !== null) {
    found.push(
      problem(
        null,
        `The nodes run with different --reads: ${reads}.`,
        'Give all the same; leases are not used until then.',
      ),
    );
  }
  const versions = by(({ version }) => version);
  if (versions !== null) {
    found.push(note(null, `The nodes run different versions: ${versions}.`, 'Update the others, one after the other.'));
  }
  return found;
}
