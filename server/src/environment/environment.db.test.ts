import { randomUUID } from 'node:crypto';
import { AppError } from '@easel/schema/errors';
import type { EnvironmentId } from '@easel/schema/ids';
import { type EnvironmentPhase, PHASES_WITH_WORKER } from '@easel/schema/states/environment';
import type { Placement } from '@easel/schema/wire/placement';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { UserActor } from '../actor.ts';
import { inTransaction } from '../db.ts';
import { openServer, READY, refOf, SCRIPT_FAILED, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { ADMINISTRATOR } from '../rights/rights.kit.ts';
import { transition } from './transition.ts';

let server: TestServer;
let owner: UserActor;
beforeAll(async () => {
  server = await openServer(suiteDatabase(), { EASEL_MAX_ENVIRONMENTS_PER_USER: '5', EASEL_STOP_SECONDS: '60' });
});
beforeEach(async () => {
  owner = await server.newUser();
});
afterAll(() => server.close());

const environments = () => server.app.services.environments;

async function refusal(promise: Promise<unknown>): Promise<AppError> {
  const err = await promise.then(
    () => null,
    (err: unknown) => err,
  );
  expect(err).toBeInstanceOf(AppError);
  return err as AppError;
}

const row = (id: EnvironmentId) => server.db.environment.findUniqueOrThrow({ where: { id } });

async function claimOf(id: EnvironmentId, wish: Placement['wish'] = 'run'): Promise<Placement> {
  const placement = (await server.claim()).find((placement) => placement.environmentId === id);
  expect(placement).toMatchObject({ wish, state: 'claimed' });
  return placement as Placement;
}

/** Creates an environment and brings it to a phase as platform and worker would. */
async function inPhase(phase: EnvironmentPhase): Promise<{ id: EnvironmentId; placement: Placement }> {
  const { id } = await environments().create(owner, {});
  if (phase === 'queued') return { id, placement: undefined as never };
  const placement = await claimOf(id);
  if (phase === 'provisioning') return { id, placement };
  await server.observe({ type: 'placed', placementId: placement.id });
  await server.hello(placement);
  if (phase === 'starting') return { id, placement };
  await server.report(placement, READY);
  if (phase === 'running') return { id, placement };
  if (phase === 'interrupted') {
    await inTransaction(server.db, (tx) => server.app.facts.workerSilent(tx, refOf(placement)));
  } else if (phase === 'failed') {
    await server.report(placement, { type: 'worker.failed', failure: SCRIPT_FAILED });
  } else {
    await environments().stop(owner, id);
    if (phase === 'stopped') await server.report(placement, { type: 'worker.stopped', isClean: true, text: '' });
  }
  expect((await row(id)).phase).toBe(phase);
  return { id, placement };
}

async function timeline(id: EnvironmentId): Promise<string[]> {
  const events = await server.db.environmentEvent.findMany({
    where: { environmentId: id },
    orderBy: { version: 'asc' },
  });
  return events.map(({ from, to, cause }) => `${from ?? ''} ${cause} ${to}`.trim());
}

/** Lets the deadline of the environment pass. */
async function passDeadline(id: EnvironmentId): Promise<void> {
  await server.db.environment.update({ where: { id }, data: { deadlineAt: new Date(Date.now() - 1) } });
  expect(await server.app.facts.overdue(100)).toContain(id);
  expect(await server.app.facts.deadlinePassed(id)).toBe(true);
}

describe('create', () => {
  it('stores the row, its worker, steps, placement and first event', async () => {
    const made = await environments().create(owner, { name: 'one', branch: 'dev' });
    expect(made).toMatchObject({
      name: 'one',
      phase: 'queued',
      desired: 'running',
      connectivity: 'waiting',
      branch: 'dev',
    });
    expect(made.sshHostKeyFingerprint).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
    expect(made.sshHostKey).not.toContain('PRIVATE KEY');
    expect(await server.db.worker.count({ where: { environmentId: made.id, generation: 1 } })).toBe(1);
    expect(await server.db.step.count({ where: { environmentId: made.id, generation: 1, state: 'waiting' } })).toBe(6);
    expect(await timeline(made.id)).toEqual(['created queued']);
    expect((await claimOf(made.id)).environmentName).toBe('one');
  });

  it('gives the same environment for the same request key, also when asked at once', async () => {
    const requestKey = randomUUID();
    const made = await Promise.all(
      Array.from({ length: 8 }, () => environments().create(owner, { name: 'twice', requestKey })),
    );
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect((await environments().create(owner, { name: 'other', requestKey })).id).toBe(made[0]?.id);
    expect(await server.db.placement.count({ where: { environmentId: made[0]?.id ?? '' } })).toBe(1);
  });

  it('keeps the request keys of two users apart', async () => {
    const other = await server.newUser();
    const [a, b] = await Promise.all([owner, other].map((user) => environments().create(user, { requestKey: 'k' })));
    expect(a?.id).not.toBe(b?.id);
  });

  it('makes a name from the template where none is given', async () => {
    expect((await environments().create(owner, {})).name).toMatch(/^sample-[a-z0-9]{6}$/);
    const { name, spec } = await environments().create(owner, { gitUrl: 'git@host:team/Web_Shop.git' });
    expect(name).toMatch(/^web-shop-[a-z0-9]{6}$/);
    expect(spec.repository.url).toBe('git@host:team/Web_Shop.git');
  });

  it('refuses a name that the owner uses already, and takes it again after a delete', async () => {
    const { id } = await environments().create(owner, { name: 'mine' });
    expect(await refusal(environments().create(owner, { name: 'mine' }))).toMatchObject({ code: 'NAME_TAKEN' });
    await environments().create(await server.newUser(), { name: 'mine' });
    await environments().delete(owner, id, { force: false });
    await finishErase(id);
    expect((await environments().create(owner, { name: 'mine' })).phase).toBe('queued');
  });

  it('refuses more than the quota, also when they are asked for at once', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 9 }, () => environments().create(owner, {})));
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused).toHaveLength(4);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect(await server.db.environment.count({ where: { ownerId: owner.userId } })).toBe(5);
  });

  it.each([
    [{ template: 'sample', gitUrl: 'https://h/a' }, 'INVALID_INPUT', 'either a template or a Git URL'],
    [{ template: 'nothing' }, 'NOT_FOUND', 'no template "nothing"'],
    [{ name: 'A;rm -rf /' }, 'INVALID_INPUT', 'a name starts with a letter'],
    [{ gitUrl: 'ext::sh -c id' }, 'INVALID_INPUT', 'expected a Git URL'],
    [{ branch: '--upload-pack=id' }, 'INVALID_INPUT', 'not a branch name'],
    [{ image: '--privileged' }, 'INVALID_INPUT', 'expected an image'],
    [{ requestKey: '' }, 'INVALID_INPUT', 'requestKey'],
  ])('refuses %j', async (input, code, message) => {
    const err = await refusal(environments().create(owner, input));
    expect(err.code).toBe(code);
    expect(err.message).toContain(message);
  });
});

/** Ends what stands and then erases, as a scheduler would. */
async function finishErase(id: EnvironmentId): Promise<void> {
  const placement = await claimOf(id, 'erase');
  await server.observe({ type: 'ended', placementId: placement.id, wish: 'erase' });
  expect((await row(id)).phase).toBe('deleted');
}

describe('a start', () => {
  it('goes through its phases, and shows steps as they come', async () => {
    const { id, placement } = await inPhase('starting');
    await server.report(placement, { type: 'step.started', step: 'sources', text: 'cloning' });
    await server.report(placement, { type: 'step.progressed', step: 'sources', fraction: 0.5, text: 'half' });
    await server.report(placement, { type: 'step.finished', step: 'sources', durationMs: 12, text: '' });
    await server.report(placement, { type: 'step.skipped', step: 'ide', text: 'no IDE' });
    const steps = await server.db.step.findMany({ where: { environmentId: id }, orderBy: { number: 'asc' } });
    expect(steps.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'image waiting',
      'volume waiting',
      'sources done',
      'containers waiting',
      'hooks waiting',
      'ide skipped',
    ]);
    expect(steps[2]).toMatchObject({ durationMs: 12, text: 'half', fraction: null });
    await server.report(placement, READY);
    expect(await row(id)).toMatchObject({ phase: 'running', connectivity: 'online', runtime: 'process', reason: null });
    expect(await timeline(id)).toEqual([
      'created queued',
      'queued placementClaimed provisioning',
      'provisioning workerRegistered starting',
      'starting workerReady running',
    ]);
  });

  it('raises the version with every step, so that readers take what is newer', async () => {
    const { id, placement } = await inPhase('starting');
    const before = (await row(id)).version;
    await server.report(placement, { type: 'step.started', step: 'image', text: '' });
    expect((await row(id)).version).toBe(before + 1);
  });

  it('shows why it is pending, as the platform says', async () => {
    const { id, placement } = await inPhase('provisioning');
    await server.observe({ type: 'pending', placementId: placement.id, reason: 'pulling debian:12' });
    expect((await row(id)).reason).toBe('pulling debian:12');
    await server.observe({ type: 'placed', placementId: placement.id });
    expect((await row(id)).reason).toBeNull();
  });

  it('fails when the worker that was started never calls', async () => {
    const { id, placement } = await inPhase('provisioning');
    expect((await row(id)).deadlineAt).toBeNull();
    await server.observe({ type: 'placed', placementId: placement.id });
    await passDeadline(id);
    expect(await row(id)).toMatchObject({ phase: 'failed', failure: { class: 'platform' } });
    expect((await row(id)).failure).toMatchObject({ message: expect.stringContaining('never called the server') });
    await claimOf(id, 'end');
  });

  it('waits as long as the platform says that it is pending', async () => {
    const { id, placement } = await inPhase('provisioning');
    await server.observe({ type: 'placed', placementId: placement.id });
    await server.observe({ type: 'pending', placementId: placement.id, reason: 'pulling the image' });
    expect((await row(id)).deadlineAt).toBeNull();
  });

  it('lets in a worker that is quicker than the claim that started it', async () => {
    const { id } = await environments().create(owner, {});
    const placement = await claimOf(id);
    await server.db.environment.update({ where: { id }, data: { phase: 'queued' } });
    await server.hello(placement);
    expect((await row(id)).phase).toBe('starting');
  });

  it('fails with the worker’s own words, keeps the steps, and is tried again by a start', async () => {
    const { id, placement } = await inPhase('starting');
    await server.report(placement, { type: 'step.started', step: 'hooks', text: '' });
    await server.report(placement, { type: 'worker.failed', failure: SCRIPT_FAILED });
    expect(await row(id)).toMatchObject({
      phase: 'failed',
      failure: SCRIPT_FAILED,
      connectivity: 'none',
      deadlineAt: null,
    });
    expect(await server.db.step.findFirst({ where: { environmentId: id, name: 'hooks' } })).toMatchObject({
      state: 'failed',
    });
    const again = await environments().start(owner, id);
    expect(again).toMatchObject({ phase: 'queued', generation: 2, failure: null });
    const ending = await claimOf(id, 'end');
    // Two workers never share a volume: the next one waits until the last one's place is free.
    expect(await server.claim()).toEqual([]);
    await server.observe({ type: 'ended', placementId: ending.id, wish: 'end' });
    expect(await claimOf(id)).toMatchObject({ generation: 2 });
  });

  it('fails with the platform’s words when it cannot be placed', async () => {
    const { id, placement } = await inPhase('provisioning');
    const failure = { ...SCRIPT_FAILED, class: 'image', message: 'registry.example.com says: not found' };
    await server.observe({ type: 'failed', placementId: placement.id, failure });
    expect(await row(id)).toMatchObject({ phase: 'failed', failure });
    await claimOf(id, 'end');
  });
});

describe('a stop', () => {
  it('forgets what no scheduler has heard of', async () => {
    const { id } = await inPhase('queued');
    expect((await environments().stop(owner, id)).phase).toBe('stopped');
    expect((await server.claim()).filter((placement) => placement.environmentId === id)).toEqual([]);
  });

  it('has the platform end a worker that has not come yet, and is over with it', async () => {
    const { id, placement } = await inPhase('provisioning');
    expect((await environments().stop(owner, id)).phase).toBe('stopping');
    const ending = await claimOf(id, 'end');
    expect(ending.id).toBe(placement.id);
    await server.observe({ type: 'ended', placementId: ending.id, wish: 'end' });
    expect((await row(id)).phase).toBe('stopped');
  });

  it('asks the worker and waits for its word', async () => {
    const { id, placement } = await inPhase('running');
    expect(await environments().stop(owner, id)).toMatchObject({ phase: 'stopping', desired: 'stopped' });
    expect(await server.app.facts.workerWish(refOf(placement))).toMatchObject({ kind: 'stop', deadlineSeconds: 60 });
    await server.report(placement, { type: 'worker.stopping', reason: 'asked' });
    await server.report(placement, { type: 'worker.stopped', isClean: false, text: 'the stop script hung' });
    expect(await row(id)).toMatchObject({ phase: 'stopped', reason: 'the stop script hung', connectivity: 'none' });
    expect(await server.app.facts.workerWish(refOf(placement))).toEqual({ kind: 'leave' });
    await claimOf(id, 'end');
  });

  it('is forced once its time is over', async () => {
    const { id } = await inPhase('stopping');
    await passDeadline(id);
    expect(await row(id)).toMatchObject({ phase: 'stopped', deadlineAt: null });
    expect((await row(id)).reason).toContain('forced');
    await claimOf(id, 'end');
  });

  it('is over at once when the worker is gone', async () => {
    const { id, placement } = await inPhase('running');
    await server.observe({ type: 'gone', placementId: placement.id, reason: 'killed by signal 9' });
    expect((await environments().stop(owner, id)).phase).toBe('stopped');
  });

  it('gives what is stopped already as it is', async () => {
    const { id } = await inPhase('stopped');
    expect((await environments().stop(owner, id)).phase).toBe('stopped');
  });

  it('is refused where there is nothing to stop', async () => {
    const { id } = await inPhase('failed');
    expect(await refusal(environments().stop(owner, id))).toMatchObject({ code: 'WRONG_STATE' });
  });
});

describe('a start that is asked for again', () => {
  it.each(['queued', 'provisioning', 'starting', 'running', 'interrupted'] as const)(
    'changes nothing in %s',
    async (phase) => {
      const { id } = await inPhase(phase);
      const { version } = await row(id);
      expect(await environments().start(owner, id)).toMatchObject({ phase, version, generation: 1 });
    },
  );

  it('is refused while it stops', async () => {
    const { id } = await inPhase('stopping');
    expect(await refusal(environments().start(owner, id))).toMatchObject({ code: 'WRONG_STATE' });
  });

  it('makes a new generation of what has stopped', async () => {
    const { id } = await inPhase('stopped');
    expect(await environments().start(owner, id)).toMatchObject({ phase: 'queued', generation: 2, desired: 'running' });
    expect(await server.db.step.count({ where: { environmentId: id, generation: 2 } })).toBe(6);
  });
});

describe('a delete', () => {
  it.each(['queued', 'provisioning', 'starting', 'running', 'interrupted', 'stopping', 'stopped', 'failed'] as const)(
    'from %s ends in nothing left',
    async (phase) => {
      const { id, placement } = await inPhase(phase);
      await environments().delete(owner, id, { force: false });
      if (PHASES_WITH_WORKER.has(phase)) {
        expect(await row(id)).toMatchObject({ phase: 'stopping', desired: 'deleted' });
        if (phase === 'provisioning') {
          const ending = await claimOf(id, 'end');
          await server.observe({ type: 'ended', placementId: ending.id, wish: 'end' });
        } else await server.report(placement, { type: 'worker.stopped', isClean: true, text: '' });
      }
      expect((await row(id)).phase).toBe('deleting');
      await finishErase(id);
      expect(await row(id)).toMatchObject({ desired: 'deleted', sshHostKey: '', deadlineAt: null });
      expect(await server.db.placement.count({ where: { environmentId: id, state: { not: 'ended' } } })).toBe(0);
    },
  );

  it('is refused with what would be lost, and done with force', async () => {
    const { id } = await inPhase('stopped');
    const git = [{ path: '/home/dev/sample', branch: 'main', commit: 'a'.repeat(40), uncommitted: 2, unpushed: 1 }];
    await server.db.presence.create({
      data: { environmentId: id, generation: 1, lastSeenAt: new Date(), beat: beatWith(git) },
    });
    const err = await refusal(environments().delete(owner, id, { force: false }));
    expect(err).toMatchObject({ code: 'WRONG_STATE', details: { wouldLose: git } });
    expect(err.message).toContain('2 uncommitted changes and 1 unpushed commit in /home/dev/sample (main)');
    expect((await row(id)).phase).toBe('stopped');
    expect((await environments().delete(owner, id, { force: true })).phase).toBe('deleting');
  });

  it('of an environment whose last end is not done yet turns that into an erase', async () => {
    const { id, placement } = await inPhase('stopped');
    const ending = await claimOf(id, 'end');
    await environments().delete(owner, id, { force: false });
    // The end that was under way is reported late: it must not pass for the erase.
    await server.observe({ type: 'ended', placementId: ending.id, wish: 'end' });
    expect((await row(id)).phase).toBe('deleting');
    expect((await claimOf(id, 'erase')).id).toBe(placement.id);
    await server.observe({ type: 'ended', placementId: ending.id, wish: 'end' });
    expect((await row(id)).phase).toBe('deleting');
    await server.observe({ type: 'ended', placementId: ending.id, wish: 'erase' });
    expect((await row(id)).phase).toBe('deleted');
  });
});

/** A heartbeat as it is stored. */
function beatWith(git: object[]) {
  const activity = { lastActiveAt: new Date().toISOString(), sources: [] };
  return { activity, resources: null, git, ports: [], sessions: { ssh: 0, port: 0 } };
}

describe('a worker that is not heard of', () => {
  it('interrupts what runs, and is waited for until the grace is over', async () => {
    const { id, placement } = await inPhase('interrupted');
    expect(await row(id)).toMatchObject({ connectivity: 'lost' });
    expect((await row(id)).deadlineAt?.getTime()).toBeGreaterThan(Date.now() + 200_000);
    await passDeadline(id);
    expect(await row(id)).toMatchObject({ phase: 'failed', failure: { class: 'worker_lost' } });
    await expect(server.hello(placement)).rejects.toMatchObject({ code: 'WRONG_STATE' });
  });

  it('runs on when it is heard again', async () => {
    const { id, placement } = await inPhase('interrupted');
    expect(await inTransaction(server.db, (tx) => server.app.facts.workerHeard(tx, refOf(placement)))).toBe(true);
    expect(await row(id)).toMatchObject({ phase: 'running', connectivity: 'online', deadlineAt: null, reason: null });
    expect(await inTransaction(server.db, (tx) => server.app.facts.workerHeard(tx, refOf(placement)))).toBe(false);
  });

  it('fails soon after the platform has seen it end, with the platform’s reason', async () => {
    const { id, placement } = await inPhase('running');
    await server.observe({ type: 'gone', placementId: placement.id, reason: 'killed by signal 9' });
    const { phase, reason, deadlineAt } = await row(id);
    expect({ phase, reason }).toEqual({ phase: 'interrupted', reason: 'The worker is gone: killed by signal 9' });
    expect(deadlineAt?.getTime()).toBeLessThan(Date.now() + 10_000);
    await passDeadline(id);
    expect(await row(id)).toMatchObject({
      phase: 'failed',
      failure: { class: 'worker_lost', message: 'The worker is gone: killed by signal 9' },
    });
  });

  it('shortens the wait that a missing heartbeat began', async () => {
    const { id, placement } = await inPhase('interrupted');
    await server.observe({ type: 'gone', placementId: placement.id, reason: 'exit code 1' });
    expect((await row(id)).deadlineAt?.getTime()).toBeLessThan(Date.now() + 10_000);
    expect((await row(id)).reason).toContain('exit code 1');
  });

  it('fails a start that is under way, too', async () => {
    const { id, placement } = await inPhase('starting');
    await server.observe({ type: 'gone', placementId: placement.id, reason: 'exit code 1' });
    expect(await row(id)).toMatchObject({ phase: 'starting', connectivity: 'lost' });
    await passDeadline(id);
    expect(await row(id)).toMatchObject({ phase: 'failed', failure: { class: 'worker_lost' } });
  });

  it('fails at once where it ended before it had ever come', async () => {
    const { id, placement } = await inPhase('provisioning');
    await server.observe({ type: 'gone', placementId: placement.id, reason: 'exit code 127' });
    expect(await row(id)).toMatchObject({ phase: 'failed', failure: { class: 'worker_lost' } });
  });

  it('ends the stop that it was asked for', async () => {
    const { id, placement } = await inPhase('stopping');
    await server.observe({ type: 'gone', placementId: placement.id, reason: 'exit code 0' });
    expect((await row(id)).phase).toBe('stopped');
  });

  it('may still send its last report', async () => {
    const { id, placement } = await inPhase('running');
    await server.observe({ type: 'gone', placementId: placement.id, reason: 'exit code 0' });
    await server.report(placement, { type: 'worker.stopped', isClean: true, text: '' });
    expect(await row(id)).toMatchObject({ phase: 'stopped', failure: null });
  });
});

describe('facts', () => {
  it('of an old generation change nothing', async () => {
    const { id, placement } = await inPhase('stopped');
    await environments().start(owner, id);
    const before = await row(id);
    expect(await server.report(placement, READY)).toBe(false);
    await server.report(placement, { type: 'worker.failed', failure: SCRIPT_FAILED });
    await server.report(placement, { type: 'step.started', step: 'image', text: '' });
    await inTransaction(server.db, (tx) => server.app.facts.workerSilent(tx, refOf(placement)));
    await server.observe({ type: 'gone', placementId: placement.id, reason: 'late' });
    expect(await row(id)).toEqual(before);
  });

  it('said twice change nothing the second time', async () => {
    const { id, placement } = await inPhase('running');
    const before = await row(id);
    expect(await server.report(placement, READY)).toBe(false);
    await server.observe({ type: 'placed', placementId: placement.id }, { type: 'placed', placementId: placement.id });
    await server.hello(placement);
    expect(await row(id)).toEqual(before);
  });

  it('of another platform change nothing', async () => {
    const { id, placement } = await inPhase('provisioning');
    const foreign = { ...server.platform, platformId: 'plt00000000000000000000000000' as never };
    await server.app.services.scheduler.report(foreign, [{ type: 'gone', placementId: placement.id, reason: 'x' }]);
    expect((await row(id)).phase).toBe('provisioning');
  });

  it('that come all at once are neither lost nor doubled', async () => {
    const { id, placement } = await inPhase('starting');
    const steps = ['image', 'volume', 'sources', 'containers', 'hooks', 'ide'] as const;
    await Promise.all([
      ...steps.map((step) => server.report(placement, { type: 'step.started', step, text: '' })),
      server.report(placement, READY),
      environments().stop(owner, id),
      environments().stop(owner, id),
      environments().delete(owner, id, { force: true }),
      inTransaction(server.db, (tx) => server.app.facts.workerSilent(tx, refOf(placement))),
    ]);
    await server.report(placement, { type: 'worker.stopped', isClean: true, text: '' });
    expect(await row(id)).toMatchObject({ phase: 'deleting', desired: 'deleted' });
    const events = await server.db.environmentEvent.findMany({
      where: { environmentId: id },
      orderBy: { version: 'asc' },
    });
    for (const [i, event] of events.entries()) if (i > 0) expect(event.from).toBe(events[i - 1]?.to);
  });

  it('are undone as a whole when their transaction is', async () => {
    const { id } = await inPhase('running');
    const failing = inTransaction(server.db, async (tx) => {
      await transition(tx, { environmentId: id, event: 'stopAsked', actor: 'server', now: new Date() });
      throw new Error('undo');
    });
    await expect(failing).rejects.toThrow('undo');
    expect((await row(id)).phase).toBe('running');
    expect(server.lines.filter((line) => line.environmentId === id && line.to === 'stopping')).toEqual([]);
  });
});

describe('what is not the asker’s', () => {
  it('looks as if it did not exist', async () => {
    const { id } = await inPhase('running');
    const stranger = await server.newUser();
    const unknown = 'env00000000000000000000000000' as EnvironmentId;
    for (const verb of ['start', 'stop'] as const) {
      const [foreign, missing] = [
        await refusal(environments()[verb](stranger, id)),
        await refusal(environments()[verb](stranger, unknown)),
      ];
      expect(foreign).toMatchObject({ code: 'NOT_FOUND', message: missing.message });
    }
    expect(await refusal(environments().delete(stranger, id, { force: true }))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await environments().find(stranger, id)).toBeNull();
  });

  it('can be seen and stopped, but not entered, by an administrator', async () => {
    const { id } = await inPhase('running');
    const administrator = { ...(await server.newUser()), rights: ADMINISTRATOR };
    expect((await environments().find(administrator, id))?.id).toBe(id);
    expect(await refusal(environments().get(administrator, id, 'snapshot'))).toMatchObject({ code: 'NOT_FOUND' });
    expect((await environments().stop(administrator, id)).phase).toBe('stopping');
  });
});
