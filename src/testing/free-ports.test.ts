import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { PortStretch } from './free-ports.ts';

describe('the ports of a process', () => {
  it("are nobody else's while it lives, though nothing listens on them", async () => {
    const one = await PortStretch.lease(process.pid);
    const other = await PortStretch.lease(process.pid);
    const [mine, theirs] = [await one.take(199), await other.take(199)];
    expect(new Set([...mine, ...theirs]).size).toBe(398);
    await one.release();
    await other.release();
  });

  it('are not those that somebody listens on, and none is given twice before all were', async () => {
    const stretch = await PortStretch.lease(process.pid);
    const [port = 0] = await stretch.take(1);
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve));
    const rest = await stretch.take(198);
    expect([...rest, ...(await stretch.take(2))]).not.toContain(port);
    expect(new Set(rest).size).toBe(198);
    await new Promise((resolve) => void server.close(resolve));
    await stretch.release();
  });
});
