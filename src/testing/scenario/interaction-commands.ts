import { makeMessage, MessageType } from '../../consensus/message.ts';
import type { RaftConfig } from '../../consensus/raft-config.ts';
import {
  ConfChangeTransition,
  EMPTY_BYTES,
  term,
  type ConfChange,
  type LogIndex,
  type PeerId,
  type Snapshot,
  type Term,
} from '../../consensus/types.ts';
import { parseConfChangeSteps } from './conf-change-notation.ts';
import type { Stanza } from './datadriven.ts';
import type { Interaction, Recipient } from './interaction.ts';
import { LOG_LEVELS } from './output.ts';
import type { NodeOptions } from './scenario-node.ts';
import {
  firstPeerArg,
  parseBoolean,
  parseNumber,
  parsePeer,
  parsePrintedBoolean,
  parsePrintedNumber,
  peerArgs,
  plainArgs,
  requiredArg,
  ScenarioError,
  ScenarioUsageError,
} from './stanza-args.ts';

type Command = (env: Interaction, stanza: Stanza) => void;

const encoder = new TextEncoder();

const COMMANDS: Readonly<Record<string, Command>> = {
  // For setting a breakpoint on.
  _breakpoint: () => {},
  'add-nodes': (env, stanza) => addNodes(env, stanza),
  campaign: (env, stanza) => env.node(firstPeerArg(stanza)).raw.campaign(),
  compact: (env, stanza) => compact(env, stanza),
  'deliver-msgs': (env, stanza) => deliver(env, stanza),
  'process-ready': (env, stanza) => env.forEach(peerArgs(stanza), 'handling Ready', (node) => env.processReady(node)),
  'process-append-thread': (env, stanza) =>
    env.forEach(peerArgs(stanza), 'processing append thread', (node) => env.processAppendThread(node)),
  'process-apply-thread': (env, stanza) =>
    env.forEach(peerArgs(stanza), 'processing apply thread', (node) => env.processApplyThread(node)),
  'log-level': (env, stanza) => setLogLevel(env, stanza.args[0]?.key ?? ''),
  'raft-log': (env, stanza) => env.printLog(env.node(firstPeerArg(stanza))),
  'raft-state': (env) => env.printState(),
  'set-randomized-election-timeout': (env, stanza) =>
    env.node(firstPeerArg(stanza)).raw.overrideElectionTimeout(parseNumber(requiredArg(stanza, 'timeout'))),
  stabilize: (env, stanza) => stabilize(env, stanza),
  status: (env, stanza) => env.printStatus(env.node(firstPeerArg(stanza))),
  'tick-election': (env, stanza) => tick(env, stanza, 'electionTicks'),
  'tick-heartbeat': (env, stanza) => tick(env, stanza, 'heartbeatTicks'),
  'transfer-leadership': (env, stanza) =>
    env
      .node(parsePeer(requiredArg(stanza, 'from')))
      .raw.transferLeader(env.node(parsePeer(requiredArg(stanza, 'to'))).id),
  'forget-leader': (env, stanza) => env.node(firstPeerArg(stanza)).raw.forgetLeader(),
  'send-snapshot': (env, stanza) => sendSnapshot(env, stanza),
  propose: (env, stanza) => propose(env, stanza),
  'propose-conf-change': (env, stanza) => proposeConfChange(env, stanza),
  'report-unreachable': (env, stanza) => {
    const [at, peer, ...more] = peerArgs(stanza);
    if (at === undefined || peer === undefined || more.length > 0) {
      throw new ScenarioError('must specify exactly two node indexes: node on which to report, and reported node');
    }
    env.node(at).raw.reportUnreachable(env.node(peer).id);
  },
};

export const isInteractionCommand = (command: string): boolean => Object.hasOwn(COMMANDS, command);

/** Runs one stanza and returns what it prints, `ok` when that is nothing. */
export const runInteractionCommand = (env: Interaction, stanza: Stanza): string => {
  let problem = '';
  try {
    COMMANDS[stanza.command]!(env, stanza);
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    problem = error.message;
  }
  const text = env.output.take() + problem;
  return text === '' ? 'ok' : text;
};

/** Election timeouts are drawn as long as they can be, so that only scenarios that set them meet them. */
const LONGEST = (): number => 1 - Number.EPSILON;

/** Inflights are unbounded unless a scenario says otherwise. */
const INFLIGHT_MAX = 2 ** 31 - 1;

const DEFAULTS: NodeOptions = {
  electionTicks: 3,
  heartbeatTicks: 1,
  maxBytesPerMessage: Number.POSITIVE_INFINITY,
  maxInflightMessages: INFLIGHT_MAX,
  random: LONGEST,
};

type OptionParser = (value: string) => Partial<NodeOptions>;

const NODE_OPTIONS: Readonly<Record<string, OptionParser>> = {
  inflight: (value) => ({ maxInflightMessages: parseNumber(value) }),
  'async-storage-writes': (value) => ({ asyncStorageWrites: parseBoolean(value) }),
  prevote: (value) => ({ preVote: parseBoolean(value) }),
  checkquorum: (value) => ({ checkQuorum: parseBoolean(value) }),
  'max-committed-size-per-ready': (value) => ({ maxCommittedBytesPerReady: parseNumber(value) }),
  'disable-conf-change-validation': (value) => ({ disableConfChangeValidation: parseBoolean(value) }),
  'step-down-on-removal': (value) => ({ stepDownOnRemoval: parseBoolean(value) }),
  'read-only': (value) => ({ readOnlyOption: parseReadOnly(value) }),
};

const parseReadOnly = (value: string): NonNullable<RaftConfig['readOnlyOption']> => {
  if (value === 'safe') return 'safe';
  if (value === 'lease-based') return 'lease';
  throw new ScenarioError(`invalid read-only option ${JSON.stringify(value)}`);
};

/** `add-nodes 3 voters=(1,2,3) learners=(4) index=10 content=foo` and any of the options above. */
const addNodes = (env: Interaction, stanza: Stanza): void => {
  const count = parseNumber(stanza.args[0]?.key ?? '');
  const voters: PeerId[] = [];
  const learners: PeerId[] = [];
  let index = 0;
  let content = '';
  const options: { -readonly [Key in keyof NodeOptions]: NodeOptions[Key] } = { ...DEFAULTS };
  for (const { key, values } of stanza.args.slice(1)) {
    for (const value of values) {
      if (key === 'voters') voters.push(parsePeer(value));
      else if (key === 'learners') learners.push(parsePeer(value));
      else if (key === 'index') index = parseNumber(value);
      else if (key === 'content') content = value;
      else Object.assign(options, NODE_OPTIONS[key]?.(value));
    }
  }
  const isBlank = voters.length === 0 && learners.length === 0 && index === 0 && content === '';
  // An index of at least 2 leaves room for the membership to have come from somewhere.
  if (!isBlank && index <= 1) throw new ScenarioError('index must be specified as > 1 due to bootstrap');
  const initial: Snapshot = {
    metadata: {
      index: index as LogIndex,
      term: (isBlank ? 0 : 1) as Term,
      confState: { voters, learners, votersOutgoing: [], learnersNext: [], autoLeave: false },
    },
    data: encoder.encode(content),
  };
  env.addNodes(count, { ...options, applied: initial.metadata.index }, initial);
};

/** `compact 1 15`: node 1 drops all entries up to 15. */
const compact = (env: Interaction, stanza: Stanza): void => {
  const node = env.node(firstPeerArg(stanza));
  const index = parsePrintedNumber(plainArgs(stanza)[1] ?? '') as LogIndex;
  if (index < node.storage.firstIndex()) {
    throw new ScenarioError('requested index is unavailable due to compaction');
  }
  node.storage.compact(index);
  env.printLog(node);
};

const MESSAGE_TYPES: ReadonlySet<string> = new Set(Object.values(MessageType));

const isMessageType = (name: string): name is MessageType => MESSAGE_TYPES.has(name);

/** `deliver-msgs 1 drop=(2,3) type=MsgApp` */
const deliver = (env: Interaction, stanza: Stanza): void => {
  const recipients: Recipient[] = [];
  let type: MessageType | undefined;
  for (const { key, values } of stanza.args) {
    if (values.length === 0) recipients.push({ id: parsePeer(key), drop: false });
    for (const value of values) {
      if (key === 'drop') {
        const id = parsePeer(value);
        if (recipients.some((other) => other.id === id)) {
          throw new ScenarioUsageError(`can't both deliver and drop msgs to ${id}`);
        }
        recipients.push({ id, drop: true });
      } else if (key === 'type') {
        if (!isMessageType(value)) throw new ScenarioUsageError(`unknown message type ${value}`);
        type = value;
      }
    }
  }
  if (env.deliver(type, recipients) === 0) env.output.write('no messages\n');
};

const setLogLevel = (env: Interaction, name: string): void => {
  const level = LOG_LEVELS.find((known) => known === name.toUpperCase());
  if (level === undefined) throw new ScenarioError(`log levels must be either of [${LOG_LEVELS.join(' ')}]`);
  env.output.level = level;
};

/** `stabilize 1 2 log-level=none` */
const stabilize = (env: Interaction, stanza: Stanza): void => {
  const before = env.output.level;
  try {
    for (const { key, values } of stanza.args) {
      if (key === 'log-level') for (const value of values) setLogLevel(env, value);
    }
    env.stabilize(peerArgs(stanza));
  } finally {
    env.output.level = before;
  }
};

const tick = (env: Interaction, stanza: Stanza, interval: 'electionTicks' | 'heartbeatTicks'): void => {
  const node = env.node(firstPeerArg(stanza));
  for (let count = 0; count < node.options[interval]; count += 1) node.raw.tick();
};

const sendSnapshot = (env: Interaction, stanza: Stanza): void => {
  const [from, to, ...more] = peerArgs(stanza);
  if (from === undefined || to === undefined || more.length > 0) {
    throw new ScenarioUsageError('send-snapshot needs two peers');
  }
  const { hardState } = env.node(from).raw.basicStatus();
  env.sendSnapshot(from, (snapshot) =>
    makeMessage(MessageType.snap, { from, to, term: term(hardState.term), snapshot }),
  );
};

const propose = (env: Interaction, stanza: Stanza): void => {
  const data = stanza.args[1];
  if (stanza.args.length !== 2 || data === undefined || data.values.length > 0) {
    throw new ScenarioUsageError('propose needs a peer and one word');
  }
  env.proposed(env.node(firstPeerArg(stanza)).raw.propose(encoder.encode(data.key)));
};

const TRANSITIONS: ReadonlyMap<string, ConfChangeTransition> = new Map([
  ['auto', ConfChangeTransition.auto],
  ['implicit', ConfChangeTransition.jointImplicit],
  ['explicit', ConfChangeTransition.jointExplicit],
]);

/** `propose-conf-change 1 v1=true transition=explicit`, with the steps as input. */
const proposeConfChange = (env: Interaction, stanza: Stanza): void => {
  let isV1 = false;
  let transition: ConfChangeTransition = ConfChangeTransition.auto;
  for (const { key, values } of stanza.args.slice(1)) {
    for (const value of values) {
      if (key === 'v1') isV1 = parsePrintedBoolean(value);
      else if (key === 'transition') {
        const known = TRANSITIONS.get(value);
        if (known === undefined) throw new ScenarioError(`unknown transition ${value}`);
        transition = known;
      } else throw new ScenarioError(`unknown command ${key}`);
    }
  }
  const change = buildConfChange(stanza, isV1, transition);
  env.proposed(env.node(firstPeerArg(stanza)).raw.proposeConfChange(change));
};

const buildConfChange = (stanza: Stanza, isV1: boolean, transition: ConfChangeTransition): ConfChange => {
  const steps = parseConfChangeSteps(stanza.input);
  if (!isV1) return { version: 2, transition, steps, context: EMPTY_BYTES };
  const [step, ...more] = steps;
  if (step === undefined || more.length > 0 || transition !== ConfChangeTransition.auto) {
    throw new ScenarioError('v1 conf change can only have one operation and no transition');
  }
  return { version: 1, step, context: EMPTY_BYTES };
};
