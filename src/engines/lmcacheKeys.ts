import { isBelow } from "./refuseOtherEra.ts";

/**
 * Keys of LMCache's configuration by the version that brought them, as scripts/lmcacheKeys.py reads them out of its packages from 0.3.1 to
 * 0.5.7rc2 (tests/real/lmcacheKeys.real.test.ts compares with the installed one). What 0.3.1 has counts as always there. LMCache only warns of
 * others, and then runs with its defaults.
 */
const came: Readonly<Record<string, string>> = {
  "0.3.1": `
    chunk_size local_cpu max_local_cpu_size local_disk max_local_disk_size remote_url remote_serde use_layerwise save_decode_cache
    enable_blending blend_recompute_ratio blend_min_tokens blend_special_str enable_p2p lookup_url distributed_url error_handling
    enable_controller lmcache_instance_id controller_url lmcache_worker_port enable_nixl nixl_role nixl_receiver_host
    nixl_receiver_port nixl_buffer_size nixl_buffer_device nixl_enable_gc audit_actual_remote_url weka_path gds_path
    cufile_buffer_size extra_config save_unfull_chunk blocking_timeout_secs`,
  "0.3.2": "external_lookup_client",
  "0.3.3": `
    pre_caching_hash_algorithm enable_xpyd nixl_peer_host nixl_peer_init_port nixl_peer_alloc_port nixl_proxy_host nixl_proxy_port`,
  "0.3.4": `
    nixl_backends internal_api_server_host py_enable_gc cache_policy numa_mode internal_api_server_enabled
    internal_api_server_port_start internal_api_server_include_index_list internal_api_server_socket_path_prefix plugin_locations`,
  "0.3.5": "lmcache_worker_heartbeat_delay_time lmcache_worker_heartbeat_time external_backends",
  "0.3.6": "blend_recompute_ratios blend_thresholds blend_check_layers enable_async_loading priority_limit",
  "0.3.7": `
    p2p_host p2p_init_ports p2p_lookup_ports controller_pull_url controller_reply_url lmcache_worker_ports enable_pd pd_role
    pd_buffer_size pd_buffer_device pd_peer_host pd_peer_init_port pd_peer_alloc_port pd_proxy_host pd_proxy_port transfer_channel
    lookup_timeout_ms hit_miss_ratio`,
  "0.3.9": "reserve_local_cpu_size mla_lookup_server_worker_id",
  "0.3.10": `
    lmcache_worker_ids lookup_server_worker_ids enable_scheduler_bypass_lookup script_allowed_imports enable_lazy_memory_allocator
    lazy_memory_initial_ratio lazy_memory_expand_trigger_ratio lazy_memory_step_ratio lazy_memory_safe_size enable_chunk_statistics
    chunk_statistics_auto_start_statistics chunk_statistics_auto_exit_timeout_hours chunk_statistics_auto_exit_target_unique_chunks
    chunk_statistics_strategy`,
  "0.3.11": "runtime_plugin_locations storage_plugins enable_kv_events",
  "0.3.12": "use_gpu_connector_v3 pin_timeout_sec pin_check_interval_sec",
  "0.3.13": "remote_config_url app_id",
  "0.3.14": "remote_storage_plugins min_retrieve_tokens",
  "0.4.2": "retrieve_locations store_location",
  "0.4.3": "gds_path_sharding maru_path maru_pool_size",
  "0.4.4": "local_disk_path_sharding pd_skip_proxy_notification gds_buffer_size use_gds gds_backend",
  "0.4.5": `
    pd_peer_query_port pd_allocation_timeout_sec pd_shutdown_timeout_sec pd_condition_poll_interval_sec pd_max_prefill_len
    pd_backend_mode pd_bidirectional`,
  "0.4.6": "local_cpu_use_hugepages mp_host mp_port",
  "0.5.1": "enable_hidden_state_cache max_hidden_state_cpu_size hidden_state_layers hidden_states_retrieve_mode",
  "0.5.6": "run_script_api_enabled",
  // In LMCache's sources, and not yet in 0.5.7rc2: the first version that may have them.
  "0.5.8": "cost_aware_half_life_seconds cost_aware_ewma_alpha",
};

/** By the first version that no longer has them. */
const went: Readonly<Record<string, string>> = {
  "0.3.6": "blend_recompute_ratio error_handling",
  "0.3.7": `
    lookup_url distributed_url controller_url lmcache_worker_port enable_nixl nixl_role nixl_receiver_host nixl_receiver_port
    nixl_enable_gc enable_xpyd nixl_peer_host nixl_peer_init_port nixl_peer_alloc_port nixl_proxy_host nixl_proxy_port`,
  "0.3.10": "mla_lookup_server_worker_id",
  "0.3.11": "plugin_locations external_backends",
  "0.3.12": "weka_path",
  "0.4.4": "cufile_buffer_size",
};

export interface KeyEra {
  readonly since: string;
  /** The first version without it. */
  readonly until?: string;
}

const untils: ReadonlyMap<string, string> = new Map(each(went));

export const lmcacheKeys: ReadonlyMap<string, KeyEra> = new Map(
  each(came).map(([key, version]) => {
    const [since, until] = [version === "0.3.1" ? "0" : version, untils.get(key)];
    return [key, { since, ...(until === undefined ? {} : { until }) }];
  }),
);

function each(byVersion: Readonly<Record<string, string>>): readonly (readonly [key: string, version: string])[] {
  return Object.entries(byVersion).flatMap(([version, keys]) =>
    keys
      .trim()
      .split(/\s+/)
      .map((key) => [key, version] as const),
  );
}

/** Those of one version; of one that is not known, today's and those to come. */
export function keysOf(version: string | undefined): readonly string[] {
  return [...lmcacheKeys].flatMap(([key, { since, until }]) => {
    const isGone = until !== undefined && !isBelow(version, until);
    return isGone || isBelow(version, since) ? [] : [key];
  });
}

/** Keys of LMCache 0.1 that today's would ignore. */
export const oldKeys: readonly string[] = ["local_device", "max_local_cache_size", "pipelined_backend"];

/** Keys that older versions called otherwise. Those that know today's name have the other in a list, and ignore most of them all the same. */
export const renamedKeys: Readonly<Record<string, string>> = {
  enable_xpyd: "enable_pd",
  nixl_peer_host: "pd_peer_host",
  nixl_peer_init_port: "pd_peer_init_port",
  nixl_peer_alloc_port: "pd_peer_alloc_port",
  nixl_proxy_host: "pd_proxy_host",
  nixl_proxy_port: "pd_proxy_port",
  nixl_role: "pd_role",
  controller_url: "controller_pull_url",
  lmcache_worker_port: "lmcache_worker_ports",
  plugin_locations: "runtime_plugin_locations",
  external_backends: "storage_plugins",
};
