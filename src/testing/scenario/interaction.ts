import { hardStateOf, type Message, type MessageType } from '../../consensus/message.ts';
import type { ProposeOutcome, StepOutcome } from '../../consensus/propose-outcome.ts';
import {
  APPEND_THREAD,
  APPLY_THREAD,
  isLocalThread,
  peerId,
  type PeerId,
  type Snapshot,
} from '../../consensus/types.ts';
import {
  describeConfig,
  describeEntries,
  describeMessage,
  describeProgressList,
  describeReady,
  ROLE_NAMES,
} from './describe.ts';
import { Output } from './output.ts';
import { ScenarioNode, type NodeOptions } from './scenario-node.ts';
import { ScenarioError, ScenarioUsageError } from './stanza-args.ts';

/** Nodes that go on longer than this answer each other for ever. */
const STABILIZE_ROUNDS_MAX = 2_000;

export interface Recipient {
  readonly id: PeerId;
  readonly drop: boolean;
}

const STEP_ERRORS: Readonly<Record<StepOutcome, string | undefined>> = {
  stepped: undefined,
  'proposal-dropped': 'raft proposal dropped',
  'local-message-refused': 'raft: cannot step raft local message',
  'unknown-peer': 'raft: cannot step as peer not found',
};

/** A cluster of peers whose every move a scenario decides. Prints what they do. */
export class Interaction {
  readonly output = new Output();
  readonly nodes: ScenarioNode[] = [];
  /** Sent, but neither delivered nor dropped yet. */
  #messages: Message[] = [];

  node(id: PeerId): ScenarioNode {
    const node = this.nodes[id - 1];
    if (node === undefined) throw new ScenarioUsageError(`there is no node ${id}`);
    return node;
  }

  addNodes(count: number, options: NodeOptions, initial: Snapshot): void {
    for (let added = 0; added < count; added += 1) {
      const id = peerId(this.nodes.length + 1);
      const onEvent: NodeOptions['onEvent'] = (event) => {
        if (event.kind !== 'config-switched') return;
        const config = describeConfig(event.confState);
        this.output.log('INFO', `${id.toString(16)} switched to configuration ${config}`);
      };
      this.nodes.push(new ScenarioNode(id, { ...options, onEvent }, initial));
    }
  }

  /** Reports a proposal that was dropped. */
  proposed(outcome: ProposeOutcome): void {
    if (outcome.kind === 'dropped') this.#error(STEP_ERRORS['proposal-dropped']!);
  }

  #error(text: string): void {
    throw new ScenarioError(text);
  }

  /** Runs `act` for each node, under a headline when there are several. */
  forEach(ids: readonly PeerId[], headline: string, act: (node: ScenarioNode) => void): void {
    for (const id of ids) {
      const node = this.node(id);
      if (ids.length === 1) act(node);
      else this.#under(`> ${id} ${headline}`, () => act(node));
    }
  }

  #under(headline: string, act: () => void): void {
    this.output.write(`${headline}\n`);
    this.output.indented(act);
  }

  processReady(node: ScenarioNode): void {
    const ready = node.raw.ready();
    this.output.write(describeReady(ready));
    const async = node.options.asyncStorageWrites === true;
    if (!async) {
      this.#append(node, ready);
      node.apply(ready.committedEntries);
    }
    for (const message of ready.messages) {
      if (message.to === APPEND_THREAD) node.appendWork.push(message);
      else if (message.to === APPLY_THREAD) node.applyWork.push(message);
      else this.#messages.push(message);
    }
    if (!async) node.raw.advance();
  }

  #append(node: ScenarioNode, writes: Parameters<ScenarioNode['append']>[0]): void {
    const problem = node.append(writes);
    if (problem !== undefined) this.#error(problem);
  }

  processAppendThread(node: ScenarioNode): void {
    const message = node.appendWork.shift();
    if (message === undefined) {
      this.output.write('no append work to perform');
      return;
    }
    this.#processing(message, () => {
      const { entries, snapshot } = message;
      this.#append(node, { hardState: hardStateOf(message), entries, snapshot });
    });
  }

  processApplyThread(node: ScenarioNode): void {
    const message = node.applyWork.shift();
    if (message === undefined) {
      this.output.write('no apply work to perform');
      return;
    }
    this.#processing(message, () => node.apply(message.entries));
  }

  #processing(message: Message, work: () => void): void {
    const { responses } = message;
    this.output.write(`Processing:\n${describeMessage({ ...message, responses: [] })}\n`);
    work();
    this.output.write(`Responses:\n${responses.map((response) => `${describeMessage(response)}\n`).join('')}`);
    this.#messages.push(...responses);
  }

  /** Delivers or drops what is under way to the recipients. Returns how many messages that were. */
  deliver(type: MessageType | undefined, recipients: readonly Recipient[]): number {
    let count = 0;
    for (const { id, drop } of recipients) {
      const wanted = (message: Message): boolean => isFor(message, id, type, drop);
      const due = this.#messages.filter(wanted);
      this.#messages = this.#messages.filter((message) => !wanted(message));
      count += due.length;
      for (const message of due) {
        this.output.write(`${drop ? 'dropped: ' : ''}${describeMessage(message)}\n`);
        if (drop) continue;
        const problem = STEP_ERRORS[this.node(id).raw.step(message)];
        if (problem !== undefined) this.output.write(`${problem}\n`);
      }
    }
    return count;
  }

  /** Lets the nodes work and talk until there is nothing left to do. */
  stabilize(ids: readonly PeerId[]): void {
    const nodes = ids.length > 0 ? ids.map((id) => this.node(id)) : [...this.nodes];
    for (let round = 0; round < STABILIZE_ROUNDS_MAX; round += 1) {
      if (!this.#stabilizeOnce(nodes)) return;
    }
    throw new ScenarioUsageError(`the nodes do not come to rest within ${STABILIZE_ROUNDS_MAX} rounds`);
  }

  #stabilizeOnce(nodes: readonly ScenarioNode[]): boolean {
    let busy = false;
    const each = (
      wants: (node: ScenarioNode) => boolean,
      headline: string,
      act: (node: ScenarioNode) => void,
    ): void => {
      for (const node of nodes) {
        if (!wants(node)) continue;
        busy = true;
        this.#under(`> ${node.id} ${headline}`, () => act(node));
      }
    };
    each(
      (node) => node.raw.hasReady(),
      'handling Ready',
      (node) => this.processReady(node),
    );
    each(
      ({ id }) => this.#messages.some((message) => message.to === id),
      'receiving messages',
      ({ id }) => this.deliver(undefined, [{ id, drop: false }]),
    );
    each(
      (node) => node.appendWork.length > 0,
      'processing append thread',
      (node) => {
        while (node.appendWork.length > 0) this.processAppendThread(node);
      },
    );
    each(
      (node) => node.applyWork.length > 0,
      'processing apply thread',
      (node) => {
        while (node.applyWork.length > 0) this.processApplyThread(node);
      },
    );
    return busy;
  }

  sendSnapshot(from: PeerId, build: (snapshot: Snapshot) => Message): void {
    const snapshot = this.node(from).storage.snapshot();
    if (typeof snapshot === 'string') throw new ScenarioUsageError(`${from} has no snapshot`);
    const message = build(snapshot);
    this.#messages.push(message);
    this.output.write(describeMessage(message));
  }

  printLog({ storage }: ScenarioNode): void {
    const first = storage.firstIndex();
    const last = storage.lastIndex();
    if (last < first) {
      this.output.write(`log is empty: first index=${first}, last index=${last}`);
      return;
    }
    const entries = storage.entries(first, (last + 1) as typeof last, Number.POSITIVE_INFINITY);
    if (typeof entries === 'string') throw new ScenarioUsageError(entries);
    this.output.write(describeEntries(entries));
  }

  printState(): void {
    for (const { raw } of this.nodes) {
      const { id, role, confState, hardState, leader } = raw.status();
      const votes = confState.voters.includes(id) || confState.votersOutgoing.includes(id);
      const membership = votes ? '(Voter)' : '(Non-Voter)';
      this.output.write(`${id}: ${ROLE_NAMES[role]} ${membership} Term:${hardState.term} Lead:${leader}\n`);
    }
  }

  printStatus({ raw }: ScenarioNode): void {
    this.output.write(describeProgressList(raw.status().progress));
  }
}

/** Messages within one node are never lost. */
const staysInside = ({ from, to }: Message): boolean => from === to || isLocalThread(from) || isLocalThread(to);

const isFor = (message: Message, id: PeerId, type: MessageType | undefined, drop: boolean): boolean =>
  message.to === id && (type === undefined || message.type === type) && !(drop && staysInside(message));
