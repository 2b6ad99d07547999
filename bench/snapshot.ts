import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { clusterStatus } from '../scripts/chaos/final-state.ts';
import { LateNode } from '../scripts/load/late-node.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { freePorts } from '../src/testing/free-ports.ts';
import { leaderRequest, resolveTarget } from '../src/cli/chatctl/admin-client.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { whenReady } from '../src/cli/local-cluster/ready.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { fillState } from './fill-state.ts';
import { PROBE_DIR_VARIABLE } from './probe-sample.ts';
import { cpuSeconds, ProcessWatch, type ProcessReport } from './process-watch.ts';
import { SteadyLoad } from './steady-load.ts';

const CHATD = fileURLToPath(new URL('../src/cli/chatd.js', import.meta.url));
const PROBE = fileURLToPath(new URL('./process-probe.js', import.meta.url));
/** In memory, where there is such a folder: who writes to a busy disk may be held up by it. */
const PROBE_PLACES = ['/dev/shm', tmpdir()];
const BYTES_PER_MEGABYTE = 1e6;
const BYTES_PER_MIB = 1024 * 1024;
const POLL_MS = 100;
const WAIT_MS_MAX = 3_600_000;
const WARM_UP_MESSAGES = 20_000;
const LOAD_ALONE_MS = 10_000;
/** How far behind the leader a node under load may be and count as up to date. */
const ENTRIES_BEHIND_MAX = 200;
const IDLE_CPU_SHARE = 0.1;

export interface SnapshotOptions {
  readonly megabytes: number;
  readonly rowBytes: number;
  readonly say: (text: string) => void;
}

interface Install {
  /** Until the follower has the state. */
  readonly seconds: number;
  readonly mibPerSecond: number;
  /** Until it has what was written meanwhile, too. */
  readonly caughtUpSeconds: number;
  /** Until it has the state; memory in MiB. */
  readonly follower: ProcessReport;
  readonly leader: ProcessReport;
}

export interface SnapshotMeasurement {
  readonly megabytes: number;
  readonly rows: number;
  /** Into a cluster that has nothing else to do. */
  readonly quiet: Install;
  /** While people write through the leader. */
  readonly underLoad: Install;
  /** People write through it, and nothing else goes on. Memory in MiB. */
  readonly leaderAlone: ProcessReport;
  /** Milliseconds from sending to acknowledgement, by the leader and one follower. */
  readonly acksAlone: ReturnType<SteadyLoad['take']>;
  readonly acksMeanwhile: ReturnType<SteadyLoad['take']>;
  /** Elections since the state was filled. */
  readonly elections: number;
  readonly sameState: boolean;
}

/** Fills the state of one node, lets a second and a third one in, the latter under load, and watches them. Linux only. */
export async function measureSnapshot(options: SnapshotOptions): Promise<SnapshotMeasurement> {
  const nodeOptions = [process.env['NODE_OPTIONS'], '--import', pathToFileURL(PROBE).href];
  process.env['NODE_OPTIONS'] = nodeOptions.filter((option) => option !== undefined).join(' ');
  const cluster = await startScratchCluster({ nodes: 1, restart: false, say: options.say });
  const bench = new SnapshotBench(cluster, options);
  try {
    return await bench.run();
  } finally {
    await bench.close();
  }
}

class SnapshotBench {
  readonly #cluster: ScratchCluster;
  readonly #options: SnapshotOptions;
  readonly #probeDir: string;
  readonly #late: LateNode[] = [];

  constructor(cluster: ScratchCluster, options: SnapshotOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.#probeDir = mkdtempSync(
      join(
        PROBE_PLACES.find((place) => existsSync(place))!,
        'parley-probe-',
      ),
    );
    process.env[PROBE_DIR_VARIABLE] = this.#probeDir;
  }

  async run(): Promise<SnapshotMeasurement> {
    const { megabytes, say } = this.#options;
    const rows = await this.#fill();
    const { term } = await clusterStatus(this.#cluster.layout);
    say(`${rows} rows are there; letting a second node in`);
    const quiet = await this.#install('n2');
    say(JSON.stringify({ quiet }));
    await this.#admin({ verb: 'promote', node: 'n2' });
    const load = await SteadyLoad.start(apiUrl(this.#founder));
    // Fills the caches: what they take is no matter of snapshots.
    await load.hurry(WARM_UP_MESSAGES);
    const alone = new ProcessWatch(this.#leaderPid, this.#probeDir);
    load.take();
    await delay(LOAD_ALONE_MS);
    const acksAlone = load.take();
    const leaderAlone = alone.end();
    say('letting a third one in, under load');
    const late = await this.#start('n3');
    load.take();
    const underLoad = await this.#installOn(late);
    const acksMeanwhile = load.take();
    say(JSON.stringify({ underLoad, acksMeanwhile }));
    await load.stop();
    await this.#until(async () => (await this.#hashes()).size === 1);
    const end = await clusterStatus(this.#cluster.layout);
    const elections = (end.term ?? Number.NaN) - (term ?? Number.NaN);
    return { megabytes, rows, quiet, leaderAlone, underLoad, acksAlone, acksMeanwhile, elections, sameState: true };
  }

  get #founder() {
    return this.#cluster.layout.nodes[0]!;
  }

  get #leaderPid(): number {
    return this.#cluster.supervisor.child(this.#founder.name)!.pid;
  }

  async #fill(): Promise<number> {
    const { layout, supervisor } = this.#cluster;
    const { megabytes, rowBytes } = this.#options;
    const { name, dataDir } = this.#founder;
    await supervisor.stopNode(name);
    const rows = await fillState({ dir: dataDir, nodeName: name, megabytes, rowBytes });
    supervisor.startNode(name);
    if (!(await whenReady(layout, { timeoutMs: WAIT_MS_MAX }))) throw new Error('The filled node does not start.');
    // It verifies what it finds.
    await this.#untilIdle(this.#leaderPid);
    return rows;
  }

  async #install(name: string): Promise<Install> {
    return this.#installOn(await this.#start(name));
  }

  async #start(name: string): Promise<LateNode> {
    const [api, nats, route] = await freePorts(3);
    const late = new LateNode(this.#cluster, { name, ports: [api!, nats!, route!], chatdFile: CHATD });
    this.#late.push(late);
    late.start();
    await this.#until(async () => (await late.readiness()).includes('member add'));
    await this.#untilIdle(late.pid);
    return late;
  }

  async #installOn(late: LateNode): Promise<Install> {
    const follower = new ProcessWatch(late.pid, this.#probeDir);
    const leader = new ProcessWatch(this.#leaderPid, this.#probeDir);
    const startedAt = performance.now();
    await this.#admin({ verb: 'add', node: late.name });
    const secondsSince = (): number => (performance.now() - startedAt) / 1000;
    await this.#until(async () => (await this.#indexOf(late.name)) > 0);
    const seconds = secondsSince();
    const reports = { follower: follower.end(), leader: leader.end() };
    await this.#until(() => this.#isUpToDate(late.name));
    const mib = (this.#options.megabytes * BYTES_PER_MEGABYTE) / BYTES_PER_MIB;
    return { seconds, mibPerSecond: mib / seconds, caughtUpSeconds: secondsSince(), ...reports };
  }

  /** Of the state of a node; 0 when it has none, or does not answer. */
  async #indexOf(name: string): Promise<number> {
    const { nodes } = await clusterStatus(this.#cluster.layout);
    return nodes.find(({ id }) => id === name)?.stateHashIndex ?? 0;
  }

  async #isUpToDate(name: string): Promise<boolean> {
    const [own, leading] = [await this.#indexOf(name), await this.#indexOf(this.#founder.name)];
    return own > 0 && leading - own < ENTRIES_BEHIND_MAX;
  }

  /** State and index of each node, as a set. */
  async #hashes(): Promise<ReadonlySet<string>> {
    const { nodes } = await clusterStatus(this.#cluster.layout);
    return new Set(nodes.map(({ stateHash, stateHashIndex }) => `${stateHash}@${stateHashIndex}`));
  }

  async #admin(change: { readonly verb: string; readonly node: string }): Promise<void> {
    const target = resolveTarget({ endpoint: apiUrl(this.#founder) }, { PARLEY_DATA: this.#cluster.layout.dataDir });
    await leaderRequest(target, '/v1/admin/members', change);
  }

  async #untilIdle(pid: number): Promise<void> {
    await this.#until(async () => {
      const [before, at] = [cpuSeconds(pid), performance.now()];
      await delay(10 * POLL_MS);
      return (cpuSeconds(pid) - before) * 1000 < IDLE_CPU_SHARE * (performance.now() - at);
    });
  }

  async #until(condition: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + WAIT_MS_MAX;
    while (!(await condition())) {
      if (performance.now() > deadline) throw new Error('The snapshot was not installed in time.');
      await delay(POLL_MS);
    }
  }

  async close(): Promise<void> {
    for (const late of this.#late) await late.stop();
    await this.#cluster.close();
    rmSync(this.#probeDir, { recursive: true });
  }
}
