import { describe, expect, it } from 'vitest';
import { findingsOf, type Examined, type Finding } from './findings.ts';
import { doctorExitCode, renderFindings } from './report.ts';
import type { DiagnosisJson } from '../../../protocol/http/diagnosis.ts';

const NOW_MS = Date.UTC(2026, 0, 10);
const DAY_MS = 86_400_000;
const GIB = 1024 ** 3;
const IDS = ['n1', 'n2', 'n3'];

const reportOf = (node: string, changes: Partial<DiagnosisJson> = {}): DiagnosisJson => ({
  node,
  version: '1.0.0',
  clusterId: 'Ca',
  wallMs: NOW_MS,
  uptimeMs: 1,
  reads: 'quorum',
  role: node === 'n1' ? 'leader' : 'follower',
  leader: 'n1',
  term: 3,
  commitIndex: 100,
  appliedIndex: 100,
  problem: null,
  noLeader: null,
  notCommitting: null,
  members: IDS.map((id) => {
    const isFollower = node === 'n1' && id !== 'n1';
    return { id, voter: true, api: null, heard: isFollower || null, behind: isFollower ? 0 : null };
  }),
  changingMembers: false,
  eventLoopLagMs: 1,
  disk: { freeBytes: 50 * GIB, totalBytes: 100 * GIB },
  natsPid: 9,
  connected: true,
  files: [],
  certificateExpiresMs: null,
  wrappingKey: 'file',
  ...changes,
});

const up = (node: string, changes: Partial<DiagnosisJson> = {}, clockAheadMs = 0): Examined => ({
  node,
  voter: true,
  url: `http://${node}`,
  report: reportOf(node, changes),
  failure: null,
  clockAheadMs,
  uncertainMs: 2,
});
const down = (node: string): Examined => ({ ...up(node), report: null, failure: 'ECONNREFUSED' });
const find = (...all: Examined[]): readonly Finding[] => findingsOf(all, NOW_MS);
const told = (...all: Examined[]): string[] => find(...all).map(({ node, what }) => `${node ?? 'cluster'}: ${what}`);

describe('what the doctor finds', () => {
  it('is worth a note where wrapping keys lie beside what they wrap', () => {
    const found = find(up('n1', { wrappingKey: 'beside' }), up('n2', { wrappingKey: 'command' }), up('n3'));
    expect(found).toMatchObject([{ severity: 'note', node: null, what: expect.stringContaining('(n1)') as string }]);
    expect(doctorExitCode(found)).toBe(0);
  });

  it('is nothing in a healthy cluster', () => {
    const all = [up('n1'), up('n2'), up('n3')];
    expect(find(...all)).toEqual([]);
    expect(doctorExitCode(find(...all))).toBe(0);
    expect(renderFindings(all, [])).toContain('Nothing is wrong.');
  });

  it('names a node that is down, and what brings it back', () => {
    const all = [up('n1'), up('n2'), down('n3')];
    expect(told(...all)).toEqual(['n3: It does not answer at http://n3 (ECONNREFUSED).']);
    expect(find(...all)[0]!.advice).toContain('chatctl member replace n3');
    expect(doctorExitCode(find(...all))).toBe(1);
    expect(renderFindings(all, find(...all))).toContain('PROBLEM  n3: It does not answer');
  });

  it('says first that there is no quorum, then why there is no leader', () => {
    const alone = { leader: null, role: 'precandidate', noLeader: 'it asks for votes: no answer from n2, n3' };
    const [quorum, leader] = told(up('n1', alone), down('n2'), down('n3'));
    expect(quorum).toBe('cluster: 1 of 3 voters serve, 2 are needed: nothing can be written.');
    expect(leader).toBe('cluster: No node knows a leader. n1: it asks for votes: no answer from n2, n3.');
  });

  it('sees nodes that follow different leaders, and one that its leader does not hear', () => {
    expect(told(up('n1'), up('n2', { leader: 'n2' }), up('n3'))[0]).toContain('do not agree on a leader');
    const deaf = reportOf('n1').members.map((member) => (member.id === 'n3' ? { ...member, heard: false } : member));
    expect(told(up('n1', { members: deaf }), up('n2'), up('n3'))).toEqual([
      'n3: It is up, but n1, which leads, does not hear it.',
    ]);
    expect(told(up('n1', { members: deaf }), up('n2'), down('n3')), 'said once').toHaveLength(1);
  });

  it('sees a leader that commits nothing, and a node that says what is wrong with it', () => {
    expect(told(up('n1', { notCommitting: 'it waits' }), up('n2'), up('n3'))).toEqual([
      'n1: It leads, but nothing is committed: it waits.',
    ]);
    expect(told(up('n1'), up('n2', { problem: 'Being repaired.', role: 'repairing' }), up('n3'))).toEqual([
      'n2: Being repaired.',
    ]);
  });

  it('says of a damaged node whether the others mend it', () => {
    const advice = (term: number): string | undefined =>
      find(up('n1'), up('n2', { problem: 'Damaged.', role: 'repairing', term }), up('n3'))[0]?.advice;
    expect(advice(3)).toContain('The others repair it by themselves');
    expect(advice(0)).toContain('It does not mend itself');
    expect([advice(3), advice(0)].every((text) => text?.includes('chatctl member replace n2'))).toBe(true);
  });

  it('sees disks that fill up, as a note before as a problem', () => {
    const severity = (freeBytes: number): string | undefined =>
      find(up('n1', { disk: { freeBytes, totalBytes: 100 * GIB } }), up('n2'), up('n3'))[0]?.severity;
    expect([severity(11 * GIB), severity(9 * GIB), severity(GIB / 2)]).toEqual([undefined, 'note', 'problem']);
  });

  it('sees clocks apart, but not within what the measurement may be wrong by', () => {
    expect(told(up('n1'), up('n2', {}, 900), up('n3'))).toEqual(['n2: Its clock is 0.9 s ahead of that of n3.']);
    expect(told(up('n1'), up('n2', {}, -2_000), up('n3'))).toEqual(['n2: Its clock is 2.0 s behind that of n1.']);
    expect(told(up('n1'), { ...up('n2', {}, 900), uncertainMs: 500 }, up('n3'))).toEqual([]);
  });

  it('sees secrets that others may read, and certificates that expire', () => {
    const files = [{ path: '/etc/secret', complaint: 'others may read it' }];
    expect(find(up('n1', { files }), up('n2'), up('n3'))).toEqual([
      { severity: 'problem', node: 'n1', what: '/etc/secret: others may read it.', advice: 'chmod 600 /etc/secret' },
    ]);
    const certificate = (inDays: number): string | undefined =>
      find(up('n1', { certificateExpiresMs: NOW_MS + inDays * DAY_MS }), up('n2'), up('n3'))[0]?.severity;
    expect([certificate(60), certificate(5), certificate(-1)]).toEqual([undefined, 'note', 'problem']);
  });

  it('sees a node without its nats-server, other versions, and other ways to read', () => {
    const [first] = told(up('n1'), up('n2', { connected: false }), up('n3'));
    expect(first).toBe('n2: It is not connected to its nats-server.');
    expect(find(up('n1'), up('n2', { version: '1.1.0' }), up('n3'))).toMatchObject([{ severity: 'note' }]);
    expect(find(up('n1'), up('n2', { reads: 'lease' }), up('n3'))).toMatchObject([{ severity: 'problem' }]);
    expect(find(up('n1'), up('n2', { clusterId: 'Cb' }), up('n3'))).toMatchObject([{ severity: 'problem' }]);
  });

  it('tells of learners, of members that change, and of who lags, as notes', () => {
    const members = [...reportOf('n1').members, { id: 'n4', voter: false, api: null, heard: true, behind: 5_000 }];
    const learner = { ...up('n4', { members }), voter: false };
    const found = find(up('n1', { members, changingMembers: true }), up('n2'), up('n3'), learner);
    expect(found.map(({ severity }) => severity)).toEqual(['note', 'note', 'note']);
    expect(found.map(({ what }) => what).join(' ')).toMatch(/under way.*does not vote.*5000 entries behind/);
    expect(doctorExitCode(found)).toBe(0);
  });
});
