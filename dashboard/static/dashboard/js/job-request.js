// The request as text: the same that dashboard/submit/api_request.py writes.
const SAFE = /^[\w@%+=:,./-]+$/;

const quoted = (text) => (SAFE.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);

export function curl(body, key) {
  return [
    'curl -X POST "$METASCOPE_URL/api/v1/jobs/"',
    '-H "Authorization: Bearer $METASCOPE_TOKEN"',
    `-H "Idempotency-Key: ${key}"`,
    '-H "Content-Type: application/json"',
    `-d ${quoted(JSON.stringify(body, null, 2))}`,
  ].join(' \\\n  ');
}

export function python(body, key) {
  return `import json, os, requests

answer = requests.post(
    os.environ["METASCOPE_URL"] + "/api/v1/jobs/",
    headers={
        "Authorization": "Bearer " + os.environ["METASCOPE_TOKEN"],
        "Idempotency-Key": "${key}",
    },
    json=json.loads(r'''${JSON.stringify(body, null, 2).replaceAll("'", '\\u0027')}'''),
)
answer.raise_for_status()
print([job["run"] for job in answer.json()["jobs"]])`;
}
