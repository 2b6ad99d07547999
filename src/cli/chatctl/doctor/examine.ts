import { setTimeout as delay } from 'node:timers/promises';
import { adminRequest } from '../admin-client.ts';
import { parseEndpoints } from '../../endpoints.ts';
import { ParleyError } from '../../../protocol/errors.ts';
import type { AdminTarget } from '../admin-client.ts';
import type { DiagnosisJson } from '../../../protocol/http/diagnosis.ts';
import type { Examined } from './findings.ts';

const ANSWER_MS_MAX = 3_000;
/** A busy leader always waits for some acknowledgement; one whose commit index stands still for so long is stuck. */
const COMMIT_MS_MAX = 500;

interface Answer {
  readonly url: string;
  readonly report: DiagnosisJson | null;
  readonly failure: unknown;
  readonly clockAheadMs: number;
  readonly uncertainMs: number;
}

/**
 * Asks every node by itself: the given endpoints, and whatever members these name. Needs no leader, and no node in
 * particular.
 * @throws ParleyError `cannot_connect` when nobody answers, or why those who do refuse
 */
export async function examine(target: AdminTarget): Promise<readonly Examined[]> {
  const asked = await Promise.all(target.endpoints.map((url) => ask(target, url)));
  const known = reportsOf(asked);
  if (known.length === 0) throw refusalOf(asked);
  const named = known.flatMap(({ members }) => members.flatMap(({ api }) => (api === null ? [] : parseEndpoints(api))));
  const more = [...new Set(named)].filter((url) => !target.endpoints.includes(url) && !isOf(known, url));
  const answers = [...asked, ...(await Promise.all(more.map((url) => ask(target, url))))];
  return membersOf(reportsOf(answers)).map((member) => examined(member, answers));
}

const reportsOf = (answers: readonly Answer[]): DiagnosisJson[] =>
  answers.flatMap(({ report }) => (report === null ? [] : [report]));

/** Whether a node with this URL has answered under another one. */
const isOf = (reports: readonly DiagnosisJson[], url: string): boolean =>
  reports.some(({ node, members }) => members.some(({ id, api }) => id === node && api === url));

async function ask(target: AdminTarget, url: string): Promise<Answer> {
  const [wallMs, beganMs] = [Date.now(), performance.now()];
  try {
    const report = await diagnosisOf(target, url);
    const halfMs = (performance.now() - beganMs) / 2;
    const clockAheadMs = report.wallMs - (wallMs + halfMs);
    return { url, report: await withoutHaste(target, url, report), failure: null, clockAheadMs, uncertainMs: halfMs };
  } catch (failure) {
    return { url, report: null, failure, clockAheadMs: 0, uncertainMs: 0 };
  }
}

const diagnosisOf = (target: AdminTarget, url: string): Promise<DiagnosisJson> =>
  adminRequest({ ...target, endpoints: [url] }, 'GET', '/v1/admin/diagnosis', { timeoutMs: ANSWER_MS_MAX });

async function withoutHaste(target: AdminTarget, url: string, first: DiagnosisJson): Promise<DiagnosisJson> {
  if (first.notCommitting === null) return first;
  await delay(COMMIT_MS_MAX);
  const second = await diagnosisOf(target, url);
  return second.commitIndex > first.commitIndex ? { ...second, notCommitting: null } : second;
}

/** Those who answer but refuse say more than those who are down. */
function refusalOf(answers: readonly Answer[]): unknown {
  const refusals = answers.map(({ failure }) => failure);
  const isAnswer = (error: unknown): boolean => !(error instanceof ParleyError) || error.code !== 'cannot_connect';
  const told = refusals.find(isAnswer);
  if (told !== undefined) return told;
  return new ParleyError('cannot_connect', `No node could be reached (${refusals.map(messageOf).join('; ')}).`);
}

type Member = DiagnosisJson['members'][number];

/** As the node tells that has applied most, and what is known of their URLs. */
function membersOf(reports: readonly DiagnosisJson[]): readonly Member[] {
  const newest = reports.reduce((best, report) => (report.appliedIndex > best.appliedIndex ? report : best));
  const urlOf = (id: string): string | null =>
    reports.flatMap(({ members }) => members).find((member) => member.id === id && member.api !== null)?.api ?? null;
  return newest.members.map((member) => ({ ...member, api: member.api ?? urlOf(member.id) }));
}

function examined({ id, voter, api }: Member, answers: readonly Answer[]): Examined {
  const answer = answers.find(({ report }) => report?.node === id);
  if (answer !== undefined) {
    const { url, report, clockAheadMs, uncertainMs } = answer;
    return { node: id, voter, url, report, failure: null, clockAheadMs, uncertainMs };
  }
  const silent = answers.find(({ url }) => url === api);
  const failure = silent === undefined ? 'nobody has heard of it' : messageOf(silent.failure);
  return { node: id, voter, url: api, report: null, failure, clockAheadMs: 0, uncertainMs: 0 };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
