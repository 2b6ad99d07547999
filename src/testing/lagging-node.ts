import type { LocalChatNode } from './local-chat-node.ts';
import type { MemoryState } from './memory-state.ts';
import type { ChatNode } from '../node/ports.ts';

export interface LaggingNode {
  readonly node: ChatNode;
  /** From now on it knows nothing new, until somebody waits for it to catch up. */
  fallBehind(): void;
}

/** Another node of the same cluster: one that may be behind `leading`, and catches up where it is asked to. */
export function laggingBehind(leading: LocalChatNode): LaggingNode {
  let old: MemoryState | null = null;
  const seams: Partial<ChatNode> = {
    readBarrier: async () => {
      await leading.readBarrier();
      old = null;
    },
    waitForIndex: async (index, deadlineMs) => {
      await leading.waitForIndex(index, deadlineMs);
      old = null;
    },
  };
  const node = new Proxy(leading, {
    get(target, key) {
      if (key === 'reader') return old ?? target.reader;
      if (Object.hasOwn(seams, key)) return Reflect.get(seams, key) as unknown;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return { node, fallBehind: () => (old = leading.reader.copy()) };
}
