import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pathWithNpx } from './npx-shim.ts';
import { Running } from './parley-home.ts';
import { ROOT, START } from './support.ts';

/** What a reader is told to type, in order. */
function commandsOf(readme: string, heading: string): string[] {
  const [, section = ''] = readme.split(`## ${heading}\n`);
  const text = section.split('\n## ')[0]!;
  return [...text.matchAll(/```\n([\s\S]*?)```/g)].flatMap(([, block]) =>
    block!.split('\n').filter((line) => line.trim() !== ''),
  );
}

describe('the five minutes of the README', () => {
  let dir: string;
  let path: string;
  let portBase: number;
  let cluster: Running;
  const running: Running[] = [];

  const sh = (command: string): Running => {
    const child = spawn('bash', ['-c', command], {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PATH: path,
        PARLEY_PORT_BASE: String(portBase),
        PARLEY_DATA: join(dir, 'data'),
      },
    });
    const program = new Running(child);
    running.push(program);
    return program;
  };

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'parley-walk-'));
    path = pathWithNpx(dir);
    portBase = await freePortBase();
    cluster = sh(`exec "${process.execPath}" "${START}"`);
  });
  afterAll(async () => {
    for (const { child } of running.toReversed()) if (child.exitCode === null) child.kill('SIGTERM');
    await Promise.all(running.map(({ ended }) => ended));
    rmSync(dir, { recursive: true, force: true });
  });

  /** As it is written, but on ports and in folders of this test's own. */
  const here = (command: string): string =>
    command
      .replaceAll(/127\.0\.0\.1:808(\d)/g, (_, n: string) => `127.0.0.1:${portBase + Number(n)}`)
      .replaceAll('/tmp/', `${dir}/`);
  const ended = async (program: Running): Promise<string> => {
    const code = await program.ended;
    return `${program.stdout}${program.stderr}(exit ${code})`;
  };

  it('work as they are written', async () => {
    const commands = commandsOf(readFileSync(join(ROOT, 'README.md'), 'utf8'), 'Five minutes');
    await cluster.printed(5, 60_000);
    expect(cluster.stdout).toContain('cluster ready');

    const said: string[] = [];
    const waiting: Running[] = [];
    let code = '';
    for (const command of commands) {
      const line = here(command).replace('CODE', code);
      if (/ login | &$/.test(command)) {
        const program = sh(`exec ${line.replace(/ &$/, '')}`);
        waiting.push(program);
        if (command.includes(' login ')) {
          await program.printed(1);
          [code = ''] = /[0-9A-Z]{4}(-[0-9A-Z]{4}){3}/.exec(program.stdout) ?? [];
        } else await program.noted('listening');
      } else said.push(await ended(sh(line)));
    }

    expect(said).toEqual([
      expect.stringMatching(/^You are ann now/),
      expect.stringMatching(/^You are bob now/),
      'sent, number 1\n(exit 0)',
      expect.stringMatching(/ ann: Hello Bob\n\(exit 0\)$/),
      'sent, number 2\n(exit 0)',
      expect.stringMatching(/ ann: Hello Bob\n.* bob: Hello Ann\n\(exit 0\)$/),
      expect.stringMatching(/healthy[\s\S]*\(exit 0\)$/),
      '(exit 0)',
      'sent, number 3\n(exit 0)',
      expect.stringMatching(/ bob: Still here\?\n\(exit 0\)$/),
      expect.stringMatching(/n1[\s\S]*n2[\s\S]*n3[\s\S]*\(exit [01]\)$/),
      expect.stringMatching(/^garden is room:R[a-z2-7]{26}\n\(exit 0\)$/),
      'sent, number 1\n(exit 0)',
      expect.stringMatching(/^Approved D[a-z2-7]{26}\.\n\(exit 0\)$/),
    ]);
    const [tail, login] = waiting as [Running, Running];
    await tail.printed(1);
    expect(tail.lines).toEqual([expect.stringMatching(/ garden ann: Who waters the plants\?$/)]);
    expect(await ended(login)).toMatch(/You are bob now[^\n]*\n\(exit 0\)$/);
    expect(cluster.stdout).toMatch(/n\d died \(SIGKILL\)/);
  });
});

/** A base whose ports of three nodes are all free: base + 1…3, + 101…103, + 201…203. */
async function freePortBase(): Promise<number> {
  for (let base = 21_000 + (process.pid % 70) * 10; ; base += 310) {
    const ports = [0, 100, 200].flatMap((stride) => [1, 2, 3].map((n) => base + stride + n));
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return base;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
