import { describe, expect, it } from 'vitest';
import type { Transport } from '../../node/ports.ts';
import type { NodeName } from '../../protocol/ids.ts';
import { logStoreContract, type LogStoreHarness } from '../contracts/log-store.contract.ts';
import { stateStoreContract, type StateStoreHarness } from '../contracts/state-store.contract.ts';
import { describeTransport, type TransportCluster } from '../contracts/transport.contract.ts';
import { NODES } from '../transport-traffic.ts';
import { directory } from '../nats-cluster.ts';
import { Prng } from './prng.ts';
import { SimDisk } from './sim-disk.ts';
import { numberOfName, SimHost } from './sim-host.ts';
import { SimLogStore } from './sim-log-store.ts';
import { SimNetwork } from './sim-network.ts';
import { SimStateDisk } from './sim-state-disk.ts';
import { SimStateStore } from './sim-state-store.ts';
import { SimTransport } from './sim-transport.ts';
import { VirtualTime } from './virtual-time.ts';

/** What stands in for disks and network in the simulator promises the same as they do. */

const DISK_MS = 1;
const nothing = (): void => {};

/** Virtual time that passes as long as anything is going to happen in it. */
class PassingTime extends VirtualTime {
  #isOver = false;

  constructor() {
    super();
    this.#pass();
  }

  #pass(): void {
    while (this.step(Number.POSITIVE_INFINITY));
    if (!this.#isOver) setImmediate(() => this.#pass());
  }

  end(): void {
    this.#isOver = true;
  }
}

const fail = (error: unknown): never => {
  throw new Error(`the disk fails: ${String(error)}`);
};

function simLog(): Promise<LogStoreHarness> {
  const time = new PassingTime();
  const disk = new SimDisk({
    time,
    prng: new Prng(1),
    syncMs: DISK_MS,
    stallChance: 0.1,
    stallMs: 10 * DISK_MS,
    onDurable: (change) => change(),
    onTorn: nothing,
  });
  const open = (): SimLogStore =>
    new SimLogStore({
      disk,
      isAlive: () => true,
      intoProcess: (callback) => void time.after(0, callback),
      onAccepting: nothing,
      onAccepted: nothing,
      onCompacted: nothing,
      onDiskError: fail,
    });
  let store = open();
  return Promise.resolve({
    store,
    reopen: async () => {
      await store.close();
      return (store = open());
    },
    close: async () => {
      await store.close();
      time.end();
    },
  });
}

function simState(): Promise<StateStoreHarness> {
  const time = new PassingTime();
  const onDisk = <T>(act: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      time.after(DISK_MS, () => {
        try {
          resolve(act());
        } catch (error) {
          reject(error);
        }
      });
    });
  const open = (disk: SimStateDisk): SimStateStore =>
    new SimStateStore({
      disk,
      onDisk,
      isAlive: () => true,
      hashOf: ({ hashText }) => hashText,
      onBegin: nothing,
      onCommitted: nothing,
      onInstalled: nothing,
      onSpoiled: nothing,
      onRefused: nothing,
    });
  const disk = new SimStateDisk(new Prng(1));
  let store = open(disk);
  return Promise.resolve({
    store,
    openOther: () => Promise.resolve(open(new SimStateDisk(new Prng(2)))),
    reopen: async () => {
      await store.close();
      return (store = open(disk));
    },
    close: async () => {
      await store.close();
      time.end();
    },
  });
}

describe.each([
  ['log', logStoreContract(simLog)],
  ['state', stateStoreContract(simState)],
])('the simulated %s as a store', (_, cases) => {
  it.each(cases)('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

function simTransports(): Promise<TransportCluster> {
  const time = new PassingTime();
  const transports = new Map<number, SimTransport>();
  const hosts = NODES.map(
    (name) =>
      new SimHost({
        number: numberOfName(name),
        time,
        clockRate: 1,
        wallOffsetMs: 0,
        afterStep: nothing,
        onUncaught: fail,
      }),
  );
  const network = new SimNetwork({
    time,
    seed: 1,
    hosts,
    delayMs: 0,
    tailChance: 0,
    tailMs: 0,
    deliver: (packet) => transports.get(packet.to)!.receive(packet),
  });
  const start = (name: NodeName, boot: number): void => {
    const host = hosts[numberOfName(name) - 1]!;
    host.boot();
    const transport = new SimTransport({
      host,
      boot,
      time,
      network,
      hosts: hosts.map(({ number }) => number),
      directory,
      isAlive: () => true,
      onSending: nothing,
      onReceived: nothing,
      onFrameSent: nothing,
    });
    transports.set(host.number, transport);
  };
  for (const name of NODES) start(name, 1);
  return Promise.resolve({
    transport: (name): Transport => transports.get(numberOfName(name))!,
    restart: (name) => Promise.resolve(start(name, 2)),
    close: () => Promise.resolve(time.end()),
  });
}

describeTransport('the simulated network', simTransports);
