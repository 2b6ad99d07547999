import { describe, expect, it } from 'vitest';
import { makeMessage, MessageType } from '../../consensus/message.ts';
import { peerId } from '../../consensus/types.ts';
import { RaftGate } from './raft-gate.ts';
import type { Message } from '../../consensus/message.ts';
import type { Frame, Transport } from '../ports.ts';
import type { NodeName } from '../../protocol/ids.ts';

const n2 = 'n2' as NodeName;
const message = makeMessage(MessageType.heartbeat, { from: peerId(2), to: peerId(1) });
const frame: Frame = { from: n2, boot: 1, identity: null, kind: 'forward', payload: new Uint8Array(1) };

/** Writes down what it is asked to do, and hears whatever it is told to hear. */
class Wire implements Transport {
  readonly asked: string[] = [];
  raft: (message: Message, from: NodeName) => void = () => {};
  hint: (node: NodeName) => void = () => {};
  restart: (node: NodeName) => void = () => {};
  frame: (frame: Frame) => void = () => {};
  sendRaft = (messages: readonly Message[]): void => void this.asked.push(`raft ${messages.length}`);
  send = (to: NodeName, kind: string): void => void this.asked.push(`send ${to} ${kind}`);
  broadcast = (kind: string): void => void this.asked.push(`broadcast ${kind}`);
  watch = (node: NodeName | null): void => void this.asked.push(`watch ${node}`);
  suspect = (node: NodeName): void => void this.asked.push(`suspect ${node}`);
  close = (): Promise<void> => Promise.resolve(void this.asked.push('close'));
  onRaft = (handler: typeof this.raft): void => void (this.raft = handler);
  onHint = (handler: typeof this.hint): void => void (this.hint = handler);
  onRestart = (handler: typeof this.restart): void => void (this.restart = handler);
  onFrame = (handler: typeof this.frame): void => void (this.frame = handler);
}

function gate(takesPart: boolean): { wire: Wire; gate: RaftGate; heard: string[] } {
  const wire = new Wire();
  const heard: string[] = [];
  const standing = { takesPart, hears: () => takesPart };
  const withholds = ({ type }: Message): boolean => type === MessageType.timeoutNow;
  const built = new RaftGate(wire, standing, { onMet: (node) => heard.push(`met ${node}`), withholds });
  built.onRaft((_, from) => heard.push(`raft ${from}`));
  built.onHint((node) => heard.push(`hint ${node}`));
  built.onRestart((node) => heard.push(`restart ${node}`));
  built.onFrame(({ from }) => heard.push(`frame ${from}`));
  return { wire, gate: built, heard };
}

describe('the gate between Raft and the network', () => {
  it('lets everything through while the node takes part', async () => {
    const { wire, gate: open, heard } = gate(true);
    open.sendRaft([message]);
    open.send(n2, 'forward', new Uint8Array(1));
    open.broadcast('hello', new Uint8Array(1));
    open.watch(n2);
    open.suspect(n2);
    await open.close();
    expect(wire.asked).toEqual(['raft 1', 'send n2 forward', 'broadcast hello', 'watch n2', 'suspect n2', 'close']);
    wire.raft(message, n2);
    wire.hint(n2);
    wire.restart(n2);
    wire.frame(frame);
    expect(heard).toEqual(['raft n2', 'hint n2', 'restart n2', 'met n2', 'frame n2']);
  });

  it('loses what the node withholds, in either direction', () => {
    const { wire, gate: open, heard } = gate(true);
    const withheld = makeMessage(MessageType.timeoutNow, { from: peerId(2), to: peerId(1) });
    open.sendRaft([message, withheld]);
    wire.raft(withheld, n2);
    expect([wire.asked, heard]).toEqual([['raft 1'], []]);
  });

  it('lets nothing of Raft through while it does not', () => {
    const { wire, gate: closed, heard } = gate(false);
    closed.sendRaft([message]);
    wire.raft(message, n2);
    wire.hint(n2);
    expect([wire.asked, heard]).toEqual([[], []]);
  });
});
