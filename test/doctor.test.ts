import { chmodSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { whenReady } from '../src/cli/local-cluster/ready.ts';
import { CHATCTL, CHATD, runProgram, until } from './support.ts';
import type { RunOutcome } from './support.ts';
import type { Finding } from '../src/cli/chatctl/doctor/findings.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { DiagnosisJson } from '../src/protocol/http/diagnosis.ts';

interface Examination {
  readonly healthy: boolean;
  readonly findings: readonly Finding[];
  readonly nodes: readonly { readonly node: string; readonly up: boolean; readonly report: DiagnosisJson | null }[];
}

describe('chatctl doctor', () => {
  let cluster: ScratchCluster;
  beforeAll(async () => {
    cluster = await startScratchCluster({ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD, withLinks: true });
  });
  afterAll(() => cluster.close());

  const doctor = (args: readonly string[], nodes = cluster.layout.nodes): Promise<RunOutcome> =>
    runProgram(CHATCTL, ['--endpoint', nodes.map(apiUrl).join(','), 'doctor', ...args], {
      PARLEY_DATA: cluster.layout.dataDir,
    });
  const examine = async (nodes = cluster.layout.nodes): Promise<Examination & { readonly code: number | null }> => {
    const { code, stdout, stderr } = await doctor(['--json'], nodes);
    expect(stderr).toBe('');
    return { code, ...(JSON.parse(stdout) as Examination) };
  };
  const problemsOf = ({ findings }: Examination): string[] =>
    findings.filter(({ severity }) => severity === 'problem').map(({ node, what }) => `${node ?? 'cluster'}: ${what}`);
  /** Nodes tell each other where they are within moments of their start. */
  const healthy = (): Promise<void> => until('health', async () => (await examine()).healthy, 60_000);

  it('finds nothing wrong with a healthy cluster, whichever node it is shown', async () => {
    await healthy();
    const { code, nodes } = await examine(cluster.layout.nodes.slice(1, 2));
    expect(code).toBe(0);
    expect(nodes.map(({ node, up }) => [node, up])).toEqual([
      ['n1', true],
      ['n2', true],
      ['n3', true],
    ]);
    for (const { report } of nodes) {
      expect(report).toMatchObject({ connected: true, problem: null, noLeader: null, reads: 'quorum', files: [] });
      expect(report!.disk!.freeBytes).toBeGreaterThan(0);
      expect(report!.natsPid).toBeGreaterThan(0);
    }
    const text = await doctor([]);
    expect(text.stdout).toMatch(/^node +state +role/);
  });

  it('finds a secret that others may read', async () => {
    chmodSync(cluster.layout.secretFile, 0o644);
    const examination = await examine();
    expect(examination.code).toBe(1);
    expect(problemsOf(examination)).toContain(`n2: ${cluster.layout.secretFile}: others may read it.`);
    chmodSync(cluster.layout.secretFile, 0o600);
    await healthy();
  });

  it('finds a node that is up, but that its leader does not hear', async () => {
    const { nodes } = await examine();
    const leader = nodes.find(({ report }) => report?.role === 'leader')!.node;
    const follower = nodes.find(({ node }) => node !== leader)!.node;
    // Whoever leads by then.
    const finding = new RegExp(`^${follower}: It is up, but n\\d, which leads, does not hear it\\.$`);
    cluster.links!.cutOff(follower);
    let problems: string[] = [];
    await until('the finding', async () => (problems = problemsOf(await examine())).some((what) => finding.test(what)));
    expect(problems).toContainEqual(expect.stringMatching(finding));
    cluster.links!.mend(follower);
    await healthy();
  });

  it('names a node that is down, and with two of them why there is no leader', async () => {
    await cluster.supervisor.killNode('n3', { withSidecar: false });
    await until('the finding', async () =>
      problemsOf(await examine()).some((what) => what.startsWith('n3: It does not')),
    );
    const one = await examine();
    expect(one.code).toBe(1);
    expect(problemsOf(one)).toHaveLength(1);

    await cluster.supervisor.killNode('n2', { withSidecar: true });
    await until('the reason', async () => {
      const [quorum, leader] = problemsOf(await examine());
      return quorum!.includes('1 of 3 voters serve') && /n1: it (asks for votes|stands for)/.test(leader ?? '');
    });
    const text = await doctor([]);
    expect(text.code).toBe(1);
    expect(text.stdout).toContain('→ Bring back 1 of n2, n3.');
    cluster.supervisor.startNode('n2');
    cluster.supervisor.startNode('n3');
    expect(await whenReady(cluster.layout, { timeoutMs: 60_000 })).toBe(true);
    await healthy();
  });

  it('needs a credential, and somebody who answers', async () => {
    const [place] = cluster.layout.nodes;
    const stranger = await runProgram(CHATCTL, ['--endpoint', apiUrl(place!), 'doctor'], { PARLEY_DATA: '/nowhere' });
    expect(stranger.code).toBe(5);
    const nobody = await runProgram(CHATCTL, ['--endpoint', 'http://127.0.0.1:1', 'doctor'], {
      PARLEY_DATA: cluster.layout.dataDir,
    });
    expect(nobody.code).toBe(3);
  });
});
