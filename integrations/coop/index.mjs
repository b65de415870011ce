// A Coop plugin (types/integration.ts there): one signal, asked of a Verascope service.
import {readFileSync} from "node:fs";

const {modelCard, recommendedThresholds} = JSON.parse(
  readFileSync(new URL("./card.json", import.meta.url), "utf8"));
const SIGNAL = "VERASCOPE_SYNTHETIC_IMAGE";
const outputType = {scalarType: "NUMBER"};

export const manifest = {
  id: "VERASCOPE",
  name: "Verascope",
  version: "0.1.0",
  description: "Was a picture made by a machine? A calibrated score, from a service of your own.",
  requiresConfig: true,
  configurationFields: [
    {key: "baseUrl", label: "Address of the service", required: true, inputType: "text",
      placeholder: "https://verascope.internal"},
    {key: "apiKey", label: "Key with the scope scan", required: true, inputType: "password"},
  ],
  signalTypeIds: [SIGNAL],
  modelCard,
};

export function createSignals({integrationId, getCredential}) {
  const signal = {
    id: {type: SIGNAL},
    displayName: "Made by a machine (picture)",
    description: "The probability, 0 to 1, that a picture is synthetic if half of all are. A picture " +
      "that cannot be judged is an error, never a low score.",
    docsUrl: null,
    recommendedThresholds,
    supportedLanguages: "ALL",
    pricingStructure: {type: "FREE"},
    eligibleInputs: ["IMAGE"],
    outputType,
    getCost: () => 20,
    needsMatchingValues: false,
    eligibleSubcategories: [],
    needsActionPenalties: false,
    integration: integrationId,
    allowedInAutomatedRules: true,
    run: async (input) => ({outputType, score: await score(await getCredential(input.orgId), urlOf(input))}),
    getDisabledInfo: async (orgId) => {
      const config = (await getCredential(orgId)) ?? {};
      return config.baseUrl && config.apiKey
        ? {disabled: false}
        : {disabled: true, disabledMessage: "Give the service's address and a key in the settings."};
    },
  };
  return [{signalTypeId: SIGNAL, signal}];
}

export default {manifest, createSignals};

async function score({baseUrl, apiKey}, url) {
  const answer = await fetch(new URL("/v1/scan", baseUrl), {
    method: "POST",
    headers: {authorization: `Bearer ${apiKey}`, "content-type": "application/json"},
    body: JSON.stringify({url}),
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(`Verascope: ${told.title}: ${told.detail}`);
  if (told.score === null) throw new Error(`Verascope could not judge it: ${told.reason}`);
  return told.score;
}

// A picture's address, as deep as the platform wraps it: a string, {url} or {value: …}.
function urlOf(input) {
  let value = input.value;
  while (value && typeof value === "object") value = value.url ?? value.value;
  if (typeof value !== "string") throw new Error("the signal was given no picture's address");
  return value;
}
