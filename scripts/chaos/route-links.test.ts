import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { waitUntil } from '../../src/testing/wait-until.ts';
import { RouteLinks } from './route-links.ts';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { NodePlace } from '../../src/cli/local-cluster/layout.ts';
import type { NodeName } from '../../src/protocol/ids.ts';

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const closable of opened.splice(0).toReversed()) await closable.close();
});

/** Remembers what it was sent and whether the other end was closed; says it back. */
async function listen(): Promise<{ place: NodePlace; heard: () => string; isClosed: () => boolean }> {
  let [heard, closed] = ['', false];
  const server: Server = createServer((socket) => {
    socket.on('data', (data: Buffer) => {
      heard += data.toString();
      socket.write(data);
    });
    socket.on('close', () => (closed = true));
    socket.on('error', () => {});
    opened.push({ close: () => socket.destroy() });
  }).listen(0, '127.0.0.1');
  opened.push(server);
  await once(server, 'listening');
  const name = `n${opened.length}` as NodeName;
  const routePort = (server.address() as AddressInfo).port;
  return {
    place: { name, dataDir: '', apiPort: 0, natsPort: 0, routePort },
    heard: () => heard,
    isClosed: () => closed,
  };
}

async function dial(
  links: RouteLinks,
  from: NodePlace,
  to: NodePlace,
): Promise<{ socket: Socket; heard: () => string }> {
  const address = links
    .peersOf(from)
    .split(',')
    .find((peer) => peer.startsWith(`${to.name}=`))!;
  const socket = connect(Number(address.split(':')[1]), '127.0.0.1');
  socket.on('error', () => {});
  opened.push({ close: () => socket.destroy() });
  let heard = '';
  socket.on('data', (data: Buffer) => (heard += data.toString()));
  await once(socket, 'connect');
  return { socket, heard: () => heard };
}

it('carries everything, nothing while a node is cut off, and then what was said meanwhile', async () => {
  const [one, other, third] = [await listen(), await listen(), await listen()];
  const links = await RouteLinks.open([one.place, other.place, third.place]);
  opened.push(links);
  const wire = await dial(links, one.place, other.place);
  wire.socket.write('a');
  await waitUntil(() => wire.heard() === 'a');

  links.cutOff(one.place.name);
  const bystander = await dial(links, other.place, third.place);
  const late = await dial(links, other.place, one.place);
  wire.socket.write('b');
  late.socket.write('c');
  bystander.socket.write('d');
  await waitUntil(() => bystander.heard() === 'd');
  expect([other.heard(), one.heard()]).toEqual(['a', '']);

  links.mend(one.place.name);
  await waitUntil(() => other.heard() === 'ab' && one.heard() === 'c' && wire.heard() === 'ab');
});

it('does not even say that a connection was closed, until it is mended', async () => {
  const [one, other, third] = [await listen(), await listen(), await listen()];
  const links = await RouteLinks.open([one.place, other.place, third.place]);
  opened.push(links);
  const wire = await dial(links, one.place, other.place);
  wire.socket.write('a');
  await waitUntil(() => wire.heard() === 'a');
  links.cutOff(other.place.name);
  wire.socket.destroy();
  const bystander = await dial(links, one.place, third.place);
  bystander.socket.destroy();
  await waitUntil(() => third.isClosed());
  expect(other.isClosed()).toBe(false);
  links.mend(other.place.name);
  await waitUntil(() => other.isClosed());
});
