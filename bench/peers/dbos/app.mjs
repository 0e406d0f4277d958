// The trivial saga on DBOS Transact: reserve, charge, confirm; when confirm says no, refund and release.
//
// The same work as the pool `echo` does for Impresario. One process, its state in Postgres, with Node's own HTTP
// server before it: POST /run {"id", "fail"} runs the workflow under that id and answers with its result.
import http from "node:http";
import { DBOS } from "@dbos-inc/dbos-sdk";

const [port, databaseUrl] = process.argv.slice(2);

async function step(id, name, fail = false) {
  if (fail) throw new Error("the input asked for a failure");
  return { id, step: name, code: 200 };
}

async function trivial(id, fail) {
  const run = (name, fails) => DBOS.runStep(() => step(id, name, fails), { name });
  try {
    await run("reserve");
    await run("charge");
    await run("confirm", fail);
    return { id, status: "completed" };
  } catch {
    await run("refund");
    await run("release");
    return { id, status: "compensated" };
  }
}

const workflow = DBOS.registerWorkflow(trivial, { name: "trivial" });
DBOS.setConfig({
  name: "bench",
  systemDatabaseUrl: databaseUrl,
  applicationVersion: "1",
  logLevel: "warn",
});
await DBOS.launch();

http
  .createServer((request, response) => {
    if (request.method === "GET") return response.end("ready");
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", async () => {
      try {
        const { id, fail } = JSON.parse(body);
        const handle = await DBOS.startWorkflow(workflow, { workflowID: id })(id, fail === true);
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify(await handle.getResult()));
      } catch (problem) {
        response.writeHead(500);
        response.end(String(problem));
      }
    });
  })
  .listen(Number(port), "127.0.0.1");
