/**
 * Keys of LMCache's configuration file, by group (lmcache/v1/config.py of 0.5.6; tests/real/lmcacheKeys.real.test.ts compares). It only warns
 * of others, and then runs with its defaults.
 */
const keys = `
  chunk_size local_cpu max_local_cpu_size local_cpu_use_hugepages reserve_local_cpu_size local_disk local_disk_path_sharding
  max_local_disk_size remote_url remote_serde use_layerwise save_decode_cache save_unfull_chunk pre_caching_hash_algorithm
  blocking_timeout_secs cache_policy min_retrieve_tokens lookup_timeout_ms hit_miss_ratio priority_limit retrieve_locations
  store_location numa_mode py_enable_gc extra_config enable_async_loading use_gpu_connector_v3 external_lookup_client
  enable_scheduler_bypass_lookup lookup_server_worker_ids

  enable_blending blend_recompute_ratios blend_thresholds blend_check_layers blend_min_tokens blend_special_str

  enable_p2p p2p_host p2p_init_ports p2p_lookup_ports mp_host mp_port enable_controller lmcache_instance_id controller_pull_url
  controller_reply_url lmcache_worker_ports lmcache_worker_ids lmcache_worker_heartbeat_delay_time lmcache_worker_heartbeat_time
  enable_kv_events

  enable_pd pd_role pd_buffer_size pd_buffer_device pd_peer_host pd_peer_init_port pd_peer_alloc_port pd_peer_query_port pd_proxy_host
  pd_proxy_port pd_allocation_timeout_sec pd_shutdown_timeout_sec pd_condition_poll_interval_sec pd_max_prefill_len pd_backend_mode
  pd_skip_proxy_notification pd_bidirectional transfer_channel

  nixl_backends nixl_buffer_size nixl_buffer_device gds_path gds_path_sharding gds_buffer_size use_gds gds_backend maru_path
  maru_pool_size

  enable_lazy_memory_allocator lazy_memory_initial_ratio lazy_memory_expand_trigger_ratio lazy_memory_step_ratio lazy_memory_safe_size

  internal_api_server_enabled internal_api_server_host internal_api_server_port_start internal_api_server_include_index_list
  internal_api_server_socket_path_prefix runtime_plugin_locations storage_plugins remote_storage_plugins script_allowed_imports
  run_script_api_enabled remote_config_url app_id enable_chunk_statistics chunk_statistics_auto_start_statistics
  chunk_statistics_auto_exit_timeout_hours chunk_statistics_auto_exit_target_unique_chunks chunk_statistics_strategy pin_timeout_sec
  pin_check_interval_sec audit_actual_remote_url

  enable_hidden_state_cache max_hidden_state_cpu_size hidden_state_layers hidden_states_retrieve_mode
`;

export const lmcacheKeys: readonly string[] = keys.trim().split(/\s+/);

/** In LMCache's sources, and not yet in 0.5.6. */
export const laterKeys: readonly string[] = ["cost_aware_half_life_seconds", "cost_aware_ewma_alpha"];

/** Keys of LMCache 0.1 that today's would ignore. */
export const oldKeys: readonly string[] = ["local_device", "max_local_cache_size", "pipelined_backend"];

/**
 * Keys that older versions called otherwise. Today's has them in a list of other names, and ignores most of them all the same. `since` is the
 * first version that knows today's name, seen in the packages (0.3.6 beside 0.3.7, 0.3.10 beside 0.3.11): those before ignore it.
 */
export const renamedKeys: Readonly<Record<string, { readonly today: string; readonly since: string }>> = {
  enable_xpyd: { today: "enable_pd", since: "0.3.7" },
  nixl_peer_host: { today: "pd_peer_host", since: "0.3.7" },
  nixl_peer_init_port: { today: "pd_peer_init_port", since: "0.3.7" },
  nixl_peer_alloc_port: { today: "pd_peer_alloc_port", since: "0.3.7" },
  nixl_proxy_host: { today: "pd_proxy_host", since: "0.3.7" },
  nixl_proxy_port: { today: "pd_proxy_port", since: "0.3.7" },
  nixl_role: { today: "pd_role", since: "0.3.7" },
  controller_url: { today: "controller_pull_url", since: "0.3.7" },
  lmcache_worker_port: { today: "lmcache_worker_ports", since: "0.3.7" },
  plugin_locations: { today: "runtime_plugin_locations", since: "0.3.11" },
  external_backends: { today: "storage_plugins", since: "0.3.11" },
};
