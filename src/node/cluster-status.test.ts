import { describe, expect, it } from 'vitest';
import { leadership } from './cluster-status.ts';
import type { NodeInfo } from './node-info.ts';
import type { NodeSighting } from './cluster-status.ts';
import type { NodeName } from '../protocol/ids.ts';

const name = (text: string): NodeName => text as NodeName;

function sighting(id: string, role: NodeInfo['role'], term: number | null, up = true): NodeSighting {
  return { id: name(id), voter: true, up, info: { role, term } as NodeInfo };
}

describe('who leads, to the knowledge of one node', () => {
  const view = { leader: name('n1'), term: 4 };
  const nobody = { leader: null, term: 4 };

  it.each([
    ['what it sees itself', view, [sighting('n1', 'leader', 4)], view],
    ['the leader of a later term, who says so', view, [sighting('n2', 'leader', 5)], { leader: 'n2', term: 5 }],
    ['the leader of its term, where it knows none', nobody, [sighting('n2', 'leader', 4)], { leader: 'n2', term: 4 }],
    [
      'the latest of several',
      nobody,
      [sighting('n2', 'leader', 6), sighting('n3', 'leader', 5)],
      { leader: 'n2', term: 6 },
    ],
    ['nobody: the leader is of an earlier term', nobody, [sighting('n2', 'leader', 3)], nobody],
    ['nobody: the leader is down', nobody, [sighting('n2', 'leader', 5, false)], nobody],
    ['nobody: a follower does not lead', nobody, [sighting('n2', 'follower', 5)], nobody],
  ])('%s', (_, own, sightings, expected) => {
    expect(leadership(own, sightings)).toEqual(expected);
  });
});
