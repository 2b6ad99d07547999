import { describe, expect, it } from 'vitest';
import { runScenario } from './run-scenario.ts';

const SETUP = ['log-level none', '----', 'ok', '', 'add-nodes 3 voters=(1,2,3) index=10', '----', 'ok', ''];
const ELECTION = ['campaign 1', '----', 'ok', '', 'stabilize', '----', 'ok', '', 'log-level debug', '----', 'ok', ''];
const STATE = [
  'raft-state',
  '----',
  '1: StateLeader (Voter) Term:1 Lead:1',
  '2: StateFollower (Voter) Term:1 Lead:1',
  '3: StateFollower (Voter) Term:1 Lead:1',
];

const run = (...lines: string[]) => runScenario(lines.join('\n'));
const problemOf = (...lines: string[]): string => {
  const result = run(...lines);
  return result.passed ? 'none' : result.problem;
};

describe('scenario runner', () => {
  it('passes what is true', () => {
    expect(run(...SETUP, ...ELECTION, ...STATE)).toEqual({ passed: true, stanzas: 6 });
    expect(run('vote cfg=(1,2,3) votes=(y,y,_)', '----', 'VoteWon')).toMatchObject({ passed: true });
    expect(run('simple', 'v1', '----', 'voters=(1)', '1: StateProbe match=0 next=1')).toMatchObject({ passed: true });
  });

  it('tells the first difference and where it is', () => {
    const wrong = STATE.map((line) => line.replace('2: StateFollower', '2: StateCandidate'));
    expect(problemOf(...SETUP, ...ELECTION, ...wrong)).toBe(
      [
        'line 21: raft-state',
        '  expected: 2: StateCandidate (Voter) Term:1 Lead:1',
        '  actual:   2: StateFollower (Voter) Term:1 Lead:1',
      ].join('\n'),
    );
    expect(problemOf(...SETUP, ...ELECTION, ...STATE.slice(0, -1))).toContain('expected: <nothing>');
    expect(problemOf('vote cfg=(1,2,3) votes=(y,_,_)', '----', 'VoteWon')).toContain('actual:   VotePending');
  });

  it('compares the last hard state, leader and role of each node, but no chatter', () => {
    const setup = [
      'add-nodes 1 voters=(1) index=2',
      '----',
      'INFO whatever',
      'INFO 1 switched to configuration voters=(1)',
      '',
    ];
    const campaign = ['campaign 1', '----', 'ok', '', 'stabilize', '----', '> 1 handling Ready', '  never compared'];
    const states = (...lines: string[]) => [...setup, ...campaign, ...lines.map((line) => `  ${line}`)];
    expect(
      run(
        ...states('HardState Term:7 Vote:7 Commit:7', 'Lead:1 State:StateLeader', 'HardState Term:1 Vote:1 Commit:3'),
      ),
    ).toMatchObject({ passed: true });
    expect(problemOf(...states('Lead:1 State:StateLeader', 'HardState Term:1 Vote:1 Commit:4'))).toContain(
      'expected: 1 HardState Term:1 Vote:1 Commit:4\n  actual:   1 HardState Term:1 Vote:1 Commit:3',
    );
    expect(problemOf(...states('HardState Term:1 Vote:1 Commit:3'))).toContain(
      'actual:   1 SoftState Lead:1 State:StateLeader',
    );
    const switched = setup.map((line) =>
      line.replace('voters=(1)', 'voters=(2)').replace('add-nodes 1 voters=(2)', 'add-nodes 1 voters=(1)'),
    );
    expect(problemOf(...switched)).toContain('switched to configuration voters=(2)');
  });

  it('prints what was wrong with an operation, for scenarios that expect it', () => {
    const refused = (command: string, input: readonly string[], answer: string): void => {
      expect(run(...SETUP, ...ELECTION, command, ...input, '----', answer)).toMatchObject({ passed: true });
      expect(problemOf(...SETUP, ...ELECTION, command, ...input, '----', 'ok', '', ...STATE)).not.toContain('threw');
    };
    refused('compact 1 x', [], 'strconv.ParseUint: parsing "x": invalid syntax');
    refused('propose-conf-change 1', ['x3'], 'unknown input: x3');
    refused('propose-conf-change 1', ['v1  v2'], 'unknown token ');
    refused('propose-conf-change 1 v1=maybe', ['r3'], 'strconv.ParseBool: parsing "maybe": invalid syntax');
    const pair = 'must specify exactly two node indexes: node on which to report, and reported node';
    refused('report-unreachable 1', [], pair);
  });

  it('fails a scenario whose nodes never come to rest', () => {
    // Made to believe in each other, two followers pass a proposal to and fro.
    const setup = ['add-nodes 2 voters=(1,2) index=10 step-down-on-removal=true', '----', 'ok', ''];
    const removal = ['propose-conf-change 1', 'r1', '----', 'ok', '', 'stabilize 1', '----', 'ok', ''];
    const forged = ['send-snapshot 2 1', '----', 'ok', '', 'deliver-msgs 1', '----', 'ok', ''];
    const problem = problemOf(
      ...SETUP.slice(0, 4),
      ...setup,
      ...['campaign 1', '----', 'ok', '', 'stabilize', '----', 'ok', ''],
      ...removal,
      ...['deliver-msgs 2 drop=(1)', '----', 'ok', '', 'process-ready 2', '----', 'ok', ''],
      ...['stabilize', '----', 'ok', ''],
      ...forged,
      ...['propose 2 ball', '----', 'ok', '', 'stabilize', '----', 'ok'],
    );
    expect(problem).toContain('the nodes do not come to rest');
  });

  it('fails what it does not know or cannot do', () => {
    expect(problemOf('frobnicate 1', '----', 'ok')).toContain('is no known command');
    expect(problemOf('campaign 1', '----', 'ok')).toContain('there is no node 1');
    expect(problemOf(...SETUP, 'deliver-msgs 1 type=MsgNone', '----', 'ok')).toContain('unknown message type');
    expect(problemOf('# nothing')).toContain('there is no command');
    expect(problemOf('campaign 1')).toContain('no ----');
  });
});
