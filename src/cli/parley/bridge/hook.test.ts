import { describe, expect, it } from 'vitest';
import { hookText, HookTransactions } from './hook.ts';

describe('hookText', () => {
  it('takes what Slack and Mattermost take', () => {
    expect(hookText('{"text":"disk full"}')).toBe('disk full');
    expect(hookText('{"text":"disk full","username":"grafana","icon_emoji":":fire:"}')).toBe('**grafana**: disk full');
  });

  it.each(['', 'text', '[]', '{}', '{"text":""}', '{"text":7}', '{"text":"x","username":7}'])('refuses %j', (body) => {
    expect(() => hookText(body)).toThrow(/JSON|hook takes/);
  });
});

describe('HookTransactions', () => {
  const NOON_MS = Date.UTC(2026, 0, 1, 12);

  it('gives a key the same id, after a restart too', () => {
    const id = new HookTransactions('@ann', () => NOON_MS).of('alert-1');
    expect(new HookTransactions('@ann', () => NOON_MS + 60_000).of('alert-1')).toBe(id);
    expect(new HookTransactions('@bob', () => NOON_MS).of('alert-1')).not.toBe(id);
    expect(new HookTransactions('@ann', () => NOON_MS).of('alert-2')).not.toBe(id);
  });

  it('remembers across the hour', () => {
    let nowMs = NOON_MS - 1;
    const transactions = new HookTransactions('@ann', () => nowMs);
    const id = transactions.of('alert-1');
    nowMs = NOON_MS + 1;
    expect(transactions.of('alert-1')).toBe(id);
  });
});
