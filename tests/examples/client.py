"""Open a case, report an event, and see what is possible now."""

import os
import uuid

import httpx


def send(api: httpx.Client, path: str, body: dict[str, str]) -> dict[str, object]:
    """Send one message; the Idempotency-Key makes it safe to send it again."""
    answer = api.post(path, json=body, headers={"Idempotency-Key": str(uuid.uuid4())})
    if answer.is_error:
        raise SystemExit(answer.json()["detail"])  # one Dutch sentence
    return answer.json()


url, key = os.environ.get("ROUTEKAART_API", "http://127.0.0.1:4280"), os.environ["ROUTEKAART_API_KEY"]
with httpx.Client(base_url=url, headers={"X-API-Key": key}) as api:
    case = send(api, "/v1/zaken", {"mijlpaal": "M3"})
    after = send(api, f"/v1/zaken/{case['zaak']}/gebeurtenissen", {"gebeurtenis": "aanmelding_geregistreerd"})
    print(after["zaak"], after["toestanden"], "nu kan:", after["mogelijke_gebeurtenissen"])
