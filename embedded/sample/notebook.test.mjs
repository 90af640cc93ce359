import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createNotebookServer, listen, openNotebook } from './notebook.mjs';

test('a note that was added is listed and shown', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'notebook-'));
  const server = createNotebookServer(openNotebook(folder));
  const url = `http://127.0.0.1:${await listen(server, 8080)}`;
  try {
    assert.equal((await fetch(`${url}/notes`, { method: 'POST', body: 'milk & <b>bread</b>' })).status, 201);
    assert.deepEqual(await (await fetch(`${url}/notes`)).json(), ['milk & <b>bread</b>']);
    assert.match(await (await fetch(url)).text(), /milk &#38; &#60;b&#62;bread/);
    assert.equal((await fetch(`${url}/notes`, { method: 'POST', body: ' ' })).status, 400);
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
});
